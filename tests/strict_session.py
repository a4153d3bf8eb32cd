"""What a session of :mod:`tests.strict_model` is before its client configures it."""

from __future__ import annotations

import secrets
import time
from typing import Any

RATE = 24_000

_PCM = {"type": "audio/pcm", "rate": RATE}


def first_session() -> dict[str, Any]:
    detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{secrets.token_hex(8)}",
        "model": "strict",
        "expires_at": int(time.time()) + 3_600,
        "output_modalities": ["audio"],
        "instructions": "Be strict.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "audio": {
            "input": {"format": _PCM, "transcription": None, "turn_detection": detection},
            "output": {"format": _PCM, "voice": "marin", "speed": 1.0},
        },
    }
