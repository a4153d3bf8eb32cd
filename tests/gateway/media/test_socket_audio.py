from __future__ import annotations

import base64

import numpy as np
import pytest

from gateway.media.socket_audio import SocketAudio
from tests.client.tones import tone


def test_pcm_passes_as_it_is() -> None:
    audio = SocketAudio()
    assert audio.decode(base64.b64encode(b"\1\0\2\0").decode()) == b"\1\0\2\0"
    assert audio.encode(b"\1\0") is None
    assert audio.flush() == ""


@pytest.mark.parametrize("text", ["%", "AA=A", "AAA", "AQ=="])
def test_what_is_no_audio_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SocketAudio().decode(text)


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
def test_a_telephones_tone_survives_both_ways(form: str) -> None:
    audio = SocketAudio()
    audio.configure(heard=form, spoken=form)
    pcm = tone(1.0, 24_000).tobytes()
    pieces = [pcm[at : at + 961] for at in range(0, len(pcm), 961)]
    wire = [audio.encode(piece) or "" for piece in pieces] + [audio.flush()]
    coded = b"".join(base64.b64decode(piece) for piece in wire)
    assert abs(len(coded) - 8_000) <= 1
    again = np.frombuffer(audio.decode(base64.b64encode(coded).decode()), "<i2").astype(float)
    first = np.frombuffer(pcm, "<i2").astype(float)[2_400 : 2_400 + 19_200]
    noise = again[2_400 : 2_400 + 19_200] - first
    assert np.sqrt(np.mean(noise**2)) < 0.05 * np.sqrt(np.mean(first**2))


def test_there_is_no_other_format() -> None:
    with pytest.raises(ValueError, match="audio/pcmu"):
        SocketAudio().configure(heard="audio/opus")
