"""The arguments of ``send_audio``: their shapes, and their size before anything is decoded."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.events import ErrorCode, GatewayError
from signaling.events import MAX_NAME, bad_request

_STEP = 1 << 19
"""Characters of base64 decoded at once, a millisecond of work; a multiple of 4."""


async def read_audio(args: Sequence[Any], max_bytes: int) -> tuple[bytes, str | None]:
    """The bytes of one event, and the format its client names: ``(audio, format?)``, or one object
    ``{audio, format?}``; audio is bytes or base64 (RFC 4648 §4).

    :param max_bytes: of audio, base64 undone.
    :raises GatewayError: ``bad_request`` or ``too_large``.
    """
    audio: Any = args[0] if args else None
    form: Any = args[1] if len(args) > 1 else None
    if isinstance(audio, Mapping):
        form = audio.get("format", form)
        audio = audio.get("audio")
    if form is not None and not isinstance(form, str):
        raise bad_request("format must be a string such as pcm16")
    if form is not None and len(form) > MAX_NAME:
        raise GatewayError(ErrorCode.TOO_LARGE, f"format may have {MAX_NAME} characters")
    if not isinstance(audio, bytes | str):
        raise bad_request("send_audio takes bytes or base64")
    size = len(audio) if isinstance(audio, bytes) else _decoded_size(audio)
    if size > max_bytes:
        raise GatewayError(ErrorCode.TOO_LARGE, f"audio may have {max_bytes} bytes in one event")
    return audio if isinstance(audio, bytes) else await _decode(audio), form


def _decoded_size(text: str) -> int:
    return len(text) // 4 * 3 - text[-2:].count("=")


async def _decode(text: str) -> bytes:
    pieces: list[bytes] = []
    try:
        if "=" in text[:-2]:
            raise ValueError("padding in the middle")
        for start in range(0, len(text), _STEP):
            if start:
                await asyncio.sleep(0)
            pieces.append(binascii.a2b_base64(text[start : start + _STEP], strict_mode=True))
    except ValueError:
        raise bad_request("send_audio takes bytes, or a string of base64") from None
    return b"".join(pieces)
