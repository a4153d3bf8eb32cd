"""A scripted model that hears: it takes turns by voice detection and says what it understood.

Its callers speak in frames of 20 ms that carry their number, so that it can be told of every frame
whether it was heard, by which connection, and in which order.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Iterator
from typing import Any

from gateway.core.media_time import FRAME_SAMPLES
from tests.stand_in import Line, StandIn

LOUD = 10_000
"""Samples of this value and above are speech; frame ``n`` is ``n`` above it, or above zero."""

HANG_OVER = 10
"""Frames of silence that end a turn."""

_FRAME_BYTES = 2 * FRAME_SAMPLES


def frame(number: int, *, speech: bool) -> bytes:
    return struct.pack("<h", number + (LOUD if speech else 0)) * FRAME_SAMPLES


def frames(audio: bytes) -> Iterator[tuple[int, bool]]:
    """The numbers in whole frames, and whether each is speech."""
    for start in range(0, len(audio) - _FRAME_BYTES + 1, _FRAME_BYTES):
        piece = audio[start : start + _FRAME_BYTES]
        (value,) = struct.unpack_from("<h", piece)
        assert piece == struct.pack("<h", value) * FRAME_SAMPLES, "frames are whole"
        yield (value - LOUD, True) if value >= LOUD else (value, False)


class ListeningLine(Line):
    """One connection to it. What it understands of a turn is its first and its last frame."""

    model: ListeningModel

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.numbers: list[int] = []
        """Of all frames heard."""
        self._speech: list[int] = []
        self._silence = 0
        self._turn = ""

    async def take(self, frame: str | bytes) -> None:
        await super().take(frame)
        heard = len(self.numbers) * _FRAME_BYTES
        for number, speech in list(frames(bytes(self.audio[heard:]))):
            self.numbers.append(number)
            await self._hear(number, speech)
        self.model.more.set()
        kinds = [event["type"] for event in self.received]
        if kinds and kinds[-1] == "response.create" and not self.model.is_silent:
            self.received[-1]["type"] = "response.create "  # Seen.
            await self.reply()

    async def _hear(self, number: int, speech: bool) -> None:
        self._silence = 0 if speech else self._silence + 1
        if speech:
            self._speech.append(number)
        if len(self._speech) == 1 and speech:
            self._turn = f"item_turn{next(_turns)}"
            start_ms = (len(self.numbers) - 1) * 20
            await self.send(
                "input_audio_buffer.speech_started", item_id=self._turn, audio_start_ms=start_ms
            )
        elif self._speech and self._silence == HANG_OVER:
            await self._end_turn()

    async def _end_turn(self) -> None:
        item_id, said = self._turn, f"{self._speech[0]}-{self._speech[-1]}"
        self._speech.clear()
        end_ms = len(self.numbers) * 20
        await self.send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=end_ms)
        await self.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "content": []}
        await self.send("conversation.item.added", item=item, previous_item_id=None)
        if self.model.recognises:
            await self.send(
                "conversation.item.input_audio_transcription.completed",
                item_id=item_id,
                content_index=0,
                transcript=said,
                usage={"type": "duration", "seconds": 1},
            )
        if not self.model.is_silent:
            await self.reply()

    async def reply(self) -> str:
        """An answer as long as the model's script says."""
        pcm = b"\1\0" * round(self.model.answer_seconds * 24_000)
        return await self.answer("Yes.", pcm)


class ListeningModel(StandIn):
    """:param limit: seconds after which it ends a connection, as OpenAI does after an hour."""

    def __init__(self, limit: float | None = None, port: int = 0) -> None:
        super().__init__(port=port)
        self.limit = limit
        self.answer_seconds = 0.5
        self.recognises = True
        self.is_silent = False
        """It answers only when its test says so."""
        self.more = asyncio.Event()
        """Something was heard."""

    def new_line(self, socket: Any) -> Line:
        line = ListeningLine(socket)
        line.model = self
        return line

    async def _converse(self, socket: Any) -> None:
        try:
            async with asyncio.timeout(self.limit):
                await super()._converse(socket)
        except TimeoutError:
            line = next(line for line in self.lines if line.socket is socket)
            await line.send("error", error={"code": "session_expired", "message": "Too long."})
            await socket.close()

    async def hears(self, number: int, within: float = 10.0) -> None:
        """Wait until a connection has heard this frame."""
        async with asyncio.timeout(within):
            while not any(numbers[-1] >= number for numbers in filter(None, self.heard)):
                self.more.clear()
                await self.more.wait()

    @property
    def heard(self) -> list[list[int]]:
        """The frames that each connection heard."""
        return [line.numbers for line in self.lines if isinstance(line, ListeningLine)]


_turns = itertools.count(1)
