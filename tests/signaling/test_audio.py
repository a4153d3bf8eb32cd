from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling.audio import _STEP, read_audio

PCM = bytes(range(256))
TEXT = base64.b64encode(PCM).decode()


@pytest.mark.parametrize(
    ("args", "form"),
    [
        ((PCM,), None),
        ((TEXT,), None),
        ((PCM, "pcm16"), "pcm16"),
        ((TEXT, "wav"), "wav"),
        (({"audio": PCM},), None),
        (({"audio": TEXT, "format": "webm"},), "webm"),
        (({"audio": PCM}, "ogg"), "ogg"),
        ((PCM, None), None),
    ],
)
async def test_audio_comes_as_bytes_or_base64_with_or_without_a_format(
    args: tuple[Any, ...], form: str | None
) -> None:
    assert await read_audio(args, 256) == (PCM, form)


@pytest.mark.parametrize("size", [0, 1, 2, 3, _STEP, _STEP + 1, 2 * _STEP + 2])
async def test_base64_of_any_length(size: int) -> None:
    data = (PCM * (size // 256 + 1))[:size]
    assert await read_audio((base64.b64encode(data).decode(),), size) == (data, None)


@pytest.mark.parametrize("audio", [bytes(257), base64.b64encode(bytes(257)).decode()])
async def test_one_byte_too_many(audio: bytes | str) -> None:
    with pytest.raises(GatewayError) as refused:
        await read_audio((audio,), 256)
    assert refused.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    "args",
    [
        *((), (None,), (7,), ([1, 2],), ({},), ({"audio": None},), ({"audio": [b"a"]},), (True,)),
        *(("a",), ("AAA",), ("AA=A",), ("A===",), ("AAAA AAAA",), ("-_-_",), ("é" * 4,), ("====",)),
        *((PCM, 7), (PCM, {}), ({"audio": PCM, "format": []},), ("\ud800" * 4,)),
        ("AAA=" + "A" * (_STEP - 4) + "AAAA",),
    ],
)
async def test_anything_else_is_a_bad_request(args: tuple[Any, ...]) -> None:
    with pytest.raises(GatewayError) as refused:
        await read_audio(args, 10 * _STEP)
    assert refused.value.code is ErrorCode.BAD_REQUEST


async def test_a_format_is_a_word() -> None:
    with pytest.raises(GatewayError) as refused:
        await read_audio((PCM, "x" * 300), 256)
    assert refused.value.code is ErrorCode.TOO_LARGE
