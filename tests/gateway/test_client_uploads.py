from __future__ import annotations

import base64

import numpy as np
import pytest

from gateway.client_uploads import STEP, upload
from gateway.media.socket_audio import SocketAudio

PCM = np.random.default_rng(1).integers(-9_000, 9_000, STEP).astype("<i2").tobytes()


async def taken(audio: SocketAudio, text: str) -> list[tuple[bytes, bool]]:
    pieces: list[tuple[bytes, bool]] = []
    await upload(audio, text, lambda pcm, goes_on: pieces.append((pcm, goes_on)))
    return pieces


@pytest.mark.parametrize("length", [0, 2, STEP * 3 // 4, STEP * 3 // 4 + 2, len(PCM)])
async def test_pieces_are_the_whole(length: int) -> None:
    pieces = await taken(SocketAudio(), base64.b64encode(PCM[:length]).decode())
    assert b"".join(pcm for pcm, _ in pieces) == PCM[:length]
    assert all(len(pcm) <= STEP for pcm, _ in pieces)
    assert [goes_on for _, goes_on in pieces] == [index > 0 for index in range(len(pieces))]


async def test_a_telephones_audio_is_one_stream() -> None:
    audio, other = SocketAudio(), SocketAudio()
    for one in (audio, other):
        one.configure(heard="audio/pcmu")
    text = base64.b64encode(PCM).decode()
    assert b"".join(pcm for pcm, _ in await taken(audio, text)) == other.decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "A" * STEP + "%",
        "AAA=" + "A" * STEP,
        "A" * STEP + "A",
        "A" * STEP + "AA=A",
        base64.b64encode(PCM[:-1]).decode(),
    ],
)
async def test_of_what_is_no_audio_nothing_is_taken(text: str) -> None:
    pieces: list[bytes] = []
    with pytest.raises(ValueError, match=r"."):
        await upload(SocketAudio(), text, lambda pcm, _: pieces.append(pcm))
    assert pieces == []
