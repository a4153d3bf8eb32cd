"""What a game engine does for a character that listens and speaks: nothing but Socket.IO and PCM16.

    pip install "python-socketio[asyncio_client]"
    python game_engine.py player.pcm character.pcm [URL]     # 24 kHz, mono

A game takes the chunks from its microphone and gives the answer to its mixer; here both are files.
"""

import asyncio
import base64
import sys
import time
from pathlib import Path

import socketio

RATE = 24_000
CHUNK = RATE // 10 * 2  # 100 ms of 16-bit samples
FRAME = RATE // 50 * 2
SILENCE = bytes(CHUNK)
PATIENCE = 2 * RATE * 2  # the player walks away from a longer answer

character = socketio.AsyncClient()
queue = bytearray()  # what the character has still to say
voice = bytearray()  # what it said
answered = asyncio.Event()


@character.event
async def audio_response(audio: str) -> None:  # at most 300 ms before it is to be played
    queue.extend(base64.b64decode(audio))


@character.event
async def audio_interrupted(cut: dict) -> None:  # by the player's voice, or by `interrupt`
    print(f"(interrupted after {cut['audioEndMs']} ms)")
    queue.clear()


@character.event
async def transcript(text: str, role: str) -> None:
    print(f"{'player' if role == 'user' else 'character'}: {text}")
    if role == "assistant":
        answered.set()


@character.event
async def error(failure: dict) -> None:
    print(f"error: {failure['message']}", file=sys.stderr)


async def mix() -> None:
    """Play 20 ms at a time, on a clock of its own."""
    due, tired = time.monotonic(), False
    while True:
        voice.extend(queue[:FRAME])
        del queue[:FRAME]
        if len(voice) >= PATIENCE and not tired:
            tired = True
            await character.emit("interrupt")
        due += 0.02
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def talk(player: bytes, url: str) -> None:
    await character.connect(url)
    joined = await character.call("join_session", {"userId": "player-1"})
    assert joined["ok"], joined
    await character.emit("mute", False)  # hands-free: the gateway hears when the player is done
    mixer = asyncio.create_task(mix())
    due = time.monotonic()
    for start in range(0, 60 * RATE * 2, CHUNK):
        chunk = player[start : start + CHUNK] or SILENCE  # the microphone stays on
        await character.emit("send_audio", (chunk, "pcm16"))
        due += 0.1
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if answered.is_set():
            break
    mixer.cancel()
    await character.call("disconnect_session")
    await character.disconnect()


if __name__ == "__main__":
    recording, result, *address = sys.argv[1:]
    asyncio.run(talk(Path(recording).read_bytes(), *address or ["http://127.0.0.1:8000"]))
    Path(result).write_bytes(voice)
