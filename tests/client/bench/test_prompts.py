import re
import wave

import pytest

from client.python.bench.prompts import FOLDER, PROMPTS
from client.python.bench.word_errors import words_of


def test_texts_spell_their_numbers() -> None:
    assert len(PROMPTS) >= 90
    for text in PROMPTS.values():
        assert re.fullmatch(r"[A-Za-z',.?\- ]+", text)


@pytest.mark.skipif(
    not FOLDER.exists(), reason="needs Debian's package asterisk-core-sounds-en-wav"
)
def test_each_is_a_recording_of_about_as_many_words() -> None:
    for name, text in PROMPTS.items():
        with wave.open(str(FOLDER / f"{name}.wav")) as file:
            seconds = file.getnframes() / file.getframerate()
        assert 1.0 < len(words_of(text)) / seconds < 6.0, name
