"""What servers say that they used, in every shape that they say it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.usage import Tokens
from gateway.realtime.usage import response_usage, transcription_usage

COMPLETED = "conversation.item.input_audio_transcription.completed"


def done(usage: Any) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": "resp_1", "usage": usage}}


def test_modalities_are_told_apart() -> None:
    usage = {
        "total_tokens": 900,
        "input_tokens": 700,
        "output_tokens": 200,
        "input_token_details": {
            "text_tokens": 300,
            "audio_tokens": 400,
            "image_tokens": 0,
            "cached_tokens": 320,
            "cached_tokens_details": {"text_tokens": 192, "audio_tokens": 128, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
    }
    assert response_usage(done(usage)) == Tokens(300, 192, 50, 400, 128, 150)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 10, "output_tokens": 4}, Tokens(text_in=10, text_out=4)),
        ({"input_tokens": 10, "input_token_details": {"cached_tokens": 64}}, Tokens(10, 10)),
        ({"input_tokens": "many", "output_token_details": []}, Tokens()),
        ({"input_tokens": -5, "output_tokens": None}, Tokens()),
    ],
)
def test_what_is_left_out_or_wrong_does_no_harm(usage: Any, tokens: Tokens) -> None:
    assert response_usage(done(usage)) == tokens


@pytest.mark.parametrize("usage", [None, [], "much"])
def test_a_server_may_say_nothing(usage: Any) -> None:
    assert response_usage(done(usage)) is None
    assert response_usage({"type": "response.done"}) is None
    assert response_usage({"type": "response.created", "response": {"usage": {}}}) is None


def test_recognition_is_paid_by_tokens_or_by_time() -> None:
    by_time = {"type": COMPLETED, "usage": {"type": "duration", "seconds": 2.5}}
    assert transcription_usage(by_time) == Tokens(audio_seconds=2.5)
    by_token = {
        "type": COMPLETED,
        "usage": {
            "type": "tokens",
            "input_tokens": 20,
            "output_tokens": 5,
            "input_token_details": {"text_tokens": 2, "audio_tokens": 18},
        },
    }
    assert transcription_usage(by_token) == Tokens(text_in=2, text_out=5, audio_in=18)
    assert transcription_usage({"type": COMPLETED}) is None
    assert transcription_usage({"type": COMPLETED, "usage": {"type": "duration"}}) == Tokens()
