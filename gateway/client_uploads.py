"""Audio that a client sends in one event, and more of it than may be decoded at once: OpenAI takes
15 MiB. It is worked on in pieces, between which the event loop turns.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Callable
from typing import Final

from gateway.media.socket_audio import SocketAudio

STEP: Final = 1 << 16
"""Characters of base64 that are decoded at once; a multiple of 8, which are whole samples."""


async def upload(audio: SocketAudio, text: str, put: Callable[[bytes, bool], None]) -> None:
    """Hand on what is base64 in ``text``, as PCM16 at 24 kHz.

    :param put: takes the next piece, and whether it goes on with an earlier one.
    :raises ValueError: it is not base64, or ends within a sample; nothing was handed on.
    """
    if "=" in text[:-2]:
        raise ValueError("padding in the middle")
    pieces = []
    for start in range(0, len(text), STEP):
        pieces.append(binascii.a2b_base64(text[start : start + STEP], strict_mode=True))
        await asyncio.sleep(0)
    if pieces and not audio.is_whole(pieces[-1]):
        raise ValueError("a 16-bit sample has two bytes")
    for index, piece in enumerate(pieces):
        put(audio.expand(piece), index > 0)
        await asyncio.sleep(0)
