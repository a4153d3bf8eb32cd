"""What a model's server says that it used. Servers leave fields out, or all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.usage import Tokens
from gateway.realtime import protocol


def response_usage(event: protocol.Event) -> Tokens | None:
    """What ``response.done`` says; None: it is another event, or does not say."""
    match event:
        case {"type": protocol.RESPONSE_DONE, "response": {"usage": dict(usage)}}:
            return _tokens(usage)
    return None


def transcription_usage(event: protocol.Event) -> Tokens | None:
    """What the recognition of the caller's words used; None: as above."""
    match event:
        case {"type": protocol.INPUT_COMPLETED, "usage": {"type": "duration", "seconds": seconds}}:
            known = isinstance(seconds, int | float) and seconds > 0
            return Tokens(audio_seconds=float(seconds)) if known else None
        case {"type": protocol.INPUT_COMPLETED, "usage": dict(usage)}:
            return _tokens(usage)
    return None


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    taken, given = _of(usage, "input_token_details"), _of(usage, "output_token_details")
    cached = _of(taken, "cached_tokens_details")
    audio_in, audio_out = _count(taken, "audio_tokens"), _count(given, "audio_tokens")
    # Text is what is not audio, also where a server gives no details.
    text_in = max(0, _count(usage, "input_tokens") - audio_in)
    text_out = max(0, _count(usage, "output_tokens") - audio_out)
    audio_cached = min(_count(cached, "audio_tokens"), audio_in)
    text_cached = min(max(0, _count(taken, "cached_tokens") - audio_cached), text_in)
    return Tokens(text_in, text_cached, text_out, audio_in, audio_cached, audio_out)


def _of(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _count(fields: Mapping[str, Any], name: str) -> int:
    found = fields.get(name)
    return found if isinstance(found, int) and found > 0 else 0
