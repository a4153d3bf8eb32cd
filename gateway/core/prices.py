"""What OpenAI's models cost: the defaults, which ``MODEL_PRICES`` overrides.

US dollars for a million tokens, or for a minute of audio, as OpenAI's model pages gave them in
November 2026. Prices change without notice, and contracts differ: what counts is the bill.
"""

from __future__ import annotations

from typing import Final

from gateway.core.usage import Price

_REALTIME: Final = Price(
    text_in=4.00,
    text_cached=0.40,
    text_out=24.00,
    audio_in=32.00,
    audio_cached=0.40,
    audio_out=64.00,
)
_REALTIME_MINI: Final = Price(
    text_in=0.60,
    text_cached=0.06,
    text_out=2.40,
    audio_in=10.00,
    audio_cached=0.30,
    audio_out=20.00,
)

PRICES: Final[dict[str, Price]] = {
    "gpt-realtime-2.1": _REALTIME,
    "gpt-realtime-2.1-mini": _REALTIME_MINI,
    "gpt-realtime-2": _REALTIME,
    "gpt-realtime-1.5": Price(
        text_in=4.00,
        text_cached=0.40,
        text_out=16.00,
        audio_in=32.00,
        audio_cached=0.40,
        audio_out=64.00,
    ),
    "gpt-transcribe": Price(audio_minute=0.006),
    "gpt-realtime-whisper": Price(audio_minute=0.017),
    "gpt-5.4": Price(text_in=2.50, text_cached=0.25, text_out=15.00),
    "gpt-5.4-mini": Price(text_in=0.75, text_cached=0.075, text_out=4.50),
}
