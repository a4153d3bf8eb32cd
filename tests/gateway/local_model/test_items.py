import numpy as np
import pytest

from gateway.local_model.audio import AudioFormat
from gateway.local_model.client_events import (
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    MessageItem,
    ProtocolError,
)
from gateway.local_model.items import audio_part, item_from, utterance_of
from tests.gateway.local_model.desk import in_base64, voice


def message(role: str, **content: str) -> MessageItem:
    part = ContentPart.model_validate(content)
    return MessageItem.model_validate({"type": "message", "role": role, "content": [part]})


@pytest.mark.parametrize(
    ("role", "content", "text"),
    [
        ("user", {"type": "input_text", "text": "hi"}, "hi"),
        ("system", {"type": "input_text", "text": "be kind"}, "be kind"),
        ("assistant", {"type": "output_text", "text": "hello"}, "hello"),
        ("assistant", {"type": "output_audio", "transcript": "hello"}, "hello"),
        ("user", {"type": "input_image", "image_url": "data:image/png;base64,AA"}, None),
    ],
)
def test_messages(role: str, content: dict[str, str], text: str | None) -> None:
    item = item_from(message(role, **content), "item_1", AudioFormat.PCM, "item")
    assert (item.id, item.role, item.parts[0].text) == ("item_1", role, text)


def test_functions() -> None:
    call = FunctionCallItem(type="function_call", name="f", arguments="{}", call_id="c")
    assert item_from(call, "a", AudioFormat.PCM, "item").call["name"] == "f"
    output = FunctionCallOutputItem(type="function_call_output", call_id="c", output="42")
    assert item_from(output, "b", AudioFormat.PCM, "item").call == {"call_id": "c", "output": "42"}


@pytest.mark.parametrize(
    ("role", "content", "param"),
    [
        ("user", {"type": "output_text", "text": "hi"}, "item.content[0].type"),
        ("system", {"type": "input_audio", "audio": ""}, "item.content[0].type"),
        ("assistant", {"type": "input_text", "text": "hi"}, "item.content[0].type"),
        ("user", {"type": "input_text"}, "item.content[0].text"),
        ("user", {"type": "input_audio"}, "item.content[0].audio"),
        ("user", {"type": "input_audio", "audio": "%"}, "item.content[0].audio"),
        ("assistant", {"type": "output_audio", "audio": "AAA="}, "item.content[0].transcript"),
    ],
)
def test_what_a_role_cannot_say(role: str, content: dict[str, str], param: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        item_from(message(role, **content), "item_1", AudioFormat.PCM, "item")
    assert caught.value.param == param


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_audio_of_a_client(audio_format: AudioFormat) -> None:
    sound = voice(20, audio_format.rate)
    given = message("user", type="input_audio", audio=in_base64(sound, audio_format))
    item = item_from(given, "item_1", audio_format, "item")
    (part,) = item.parts
    assert part.duration_ms == 20_000
    utterance, pieces = utterance_of(part)
    assert len(pieces) == 2
    assert sum(len(piece.samples) for piece in pieces) == 20 * 16_000
    assert utterance.unknown_pieces() == list(pieces)


def test_half_a_sample_is_left_out() -> None:
    given = message("user", type="input_audio", audio="AAAA")
    item = item_from(given, "item_1", AudioFormat.PCM, "item")
    assert item.parts[0].samples == 1


def test_no_audio_is_no_words() -> None:
    utterance, pieces = utterance_of(audio_part(b"", AudioFormat.PCM))
    assert not any(np.any(piece.samples) for piece in pieces)
    assert utterance.samples == 0
