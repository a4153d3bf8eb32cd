"""What a client sends with ``send_audio``, on its way to the model: converted, in order, and no
faster than the model takes it.

The microphone of a WebRTC leg comes in real time and goes to the model at once. What is sent here
may come faster, a whole recording in one event: it waits, and a commit waits behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import SAMPLE_RATE
from gateway.media.containers import Recording, container_of, is_mp3, probe
from gateway.media.decoding import FREE, Budget, DecodingPool
from gateway.media.raw_pcm import SAMPLE_BYTES, PcmFormat, RawPcm
from gateway.realtime.client import RealtimeClient

MAX_WAITING = 5 * SAMPLE_RATE * SAMPLE_BYTES
"""Bytes that may wait when more is taken in: five seconds, and the event that comes on top."""

ROOM_TIMEOUT = 3.0
"""Seconds that more audio waits for the model to take what came before."""

APPEND_BYTES = SAMPLE_RATE * SAMPLE_BYTES
"""Given to the model at once, at most: a second."""

MAX_COMMANDS = 100
"""Commits and clears that may wait behind audio."""

PAUSE = 0.02
"""Seconds until a model that lags is looked at again."""

PCM16 = "pcm16"


@dataclass(frozen=True, slots=True)
class SentAudio:
    """What one ``send_audio`` held.

    :ivar sample_rate: Hz, before conversion; so are ``channels``.
    """

    format: str
    sample_rate: int
    channels: int
    duration_ms: int


_NOT_TAKEN = "the model has not taken the audio sent before"


class Uplink:
    """One session's ``send_audio``.

    :param form: what header-less audio is.
    """

    def __init__(self, model: RealtimeClient, form: PcmFormat, pool: DecodingPool) -> None:
        self._model = model
        self._pool = pool
        self._recording: Recording | None = None
        """That the next event may go on with."""
        self._implied = False
        """Whether it may without naming its format: not after a commit or a clear."""
        self._form = form
        self._raw = RawPcm(form)
        self._waiting: deque[bytes | Callable[[], None]] = deque()
        """Audio, and what is to be done when all before it is with the model."""
        self._waiting_bytes = 0
        self._waiting_commands = 0
        self._taking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def send(self, data: bytes, form: str | None, budget: Budget = FREE) -> SentAudio:
        """Take the audio of one event; returns when it is in line for the model.

        :param form: ``pcm16``, or a container's name or MIME type; which one it is, its first
            bytes say. None: what these say, or else more of a recording that goes on, or else
            ``pcm16``.
        :param budget: pays for the decoding of files.
        :raises GatewayError: ``unsupported_format``, ``too_large``; ``rate_limited``: the budget is
            spent; ``capacity``: too many recordings wait to be decoded; ``upstream_unavailable``:
            the model has not taken what was sent before.
        """
        async with self._taking:
            await self._wait_for_room()
            recording = self._recording_of(data, form)
            if recording is not None:
                return await self._send_recording(recording, data, budget)
            self._recording = None
            for pcm in self._raw.convert(data):
                self._put(pcm)
                if len(data) > MAX_WAITING:
                    await asyncio.sleep(0)
        duration = self._form.duration_ms(len(data))
        return SentAudio(PCM16, self._form.sample_rate, self._form.channels, duration)

    def _recording_of(self, data: bytes, form: str | None) -> Recording | None:
        """The recording an event is of; None: it is raw PCM."""
        if form == PCM16:
            return None
        wanted = container_of(form) if form is not None else None
        if form is not None and wanted is None:
            raise GatewayError(ErrorCode.UNSUPPORTED_FORMAT, f"no format {form[:32]!r} is known")
        going_on = self._recording
        if going_on is not None and going_on.goes_on_with(data):
            return going_on
        found = probe(data) or ("mp3" if wanted == "mp3" and is_mp3(data) else None)
        if found is not None:
            return Recording(found)
        if going_on is not None and (
            wanted == going_on.container or (wanted is None and self._implied)
        ):
            return going_on
        if wanted is not None:
            raise GatewayError(
                ErrorCode.UNSUPPORTED_FORMAT,
                f"no {wanted} begins here; only Opus in WebM or Ogg may come in chunks",
            )
        return None

    async def _send_recording(self, recording: Recording, data: bytes, budget: Budget) -> SentAudio:
        self._put(self._raw.flush())
        self._recording = None
        decoded = await self._pool.decode(recording, data, budget)
        self._recording = recording if recording.continues else None
        self._implied = True
        for piece in decoded.pieces:
            self._put(piece)
            await asyncio.sleep(0)
        size = sum(map(len, decoded.pieces))
        duration = size // SAMPLE_BYTES * 1000 // SAMPLE_RATE
        return SentAudio(recording.container, decoded.sample_rate, decoded.channels, duration)

    def append(self, pcm: bytes, *, goes_on: bool = False) -> None:
        """Take PCM16 at the model's own rate, behind what waits; see :meth:`room`.

        :param goes_on: it is more of an event whose beginning was taken.
        :raises GatewayError: ``upstream_unavailable``: the model has not taken what was sent
            before.
        """
        if not goes_on and not self._room.is_set():
            raise GatewayError(ErrorCode.UPSTREAM_UNAVAILABLE, _NOT_TAKEN)
        self._put(pcm)

    @property
    def waiting_bytes(self) -> int:
        """Of audio that the model could not take yet."""
        return self._waiting_bytes

    @property
    def waiting_commands(self) -> int:
        """That wait behind it."""
        return self._waiting_commands

    @property
    def has_room(self) -> bool:
        """Whether :meth:`append` takes more now."""
        return self._room.is_set()

    async def room(self) -> None:
        """Until there is room for more. :raises GatewayError: ``upstream_unavailable``."""
        await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        if self._room.is_set():
            return
        try:
            if not self._model.connected and not self._model.has_room:
                raise TimeoutError
            async with asyncio.timeout(ROOM_TIMEOUT):
                await self._room.wait()
        except TimeoutError:
            raise GatewayError(ErrorCode.UPSTREAM_UNAVAILABLE, _NOT_TAKEN) from None

    def commit(self, commit: Callable[[], None]) -> None:
        """Call ``commit`` when all audio sent so far is with the model.

        :raises GatewayError: ``upstream_unavailable``: too many commands wait.
        """
        self._implied = False
        self._put(self._raw.flush())
        self._put_command(commit)

    def clear(self, clear: Callable[[], None]) -> None:
        """Drop the audio that waits, but for what is committed; then call ``clear``.

        :raises GatewayError: as :meth:`commit`.
        """
        self._implied = False
        self._raw.flush()
        while self._waiting and isinstance(self._waiting[-1], bytes):
            pcm = self._waiting.pop()
            assert isinstance(pcm, bytes)
            self._count(-len(pcm))
        self._put_command(clear)

    def model_connected(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Hand on what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting and (self._model.connected or self._model.has_room):
                self._feed()
                await asyncio.sleep(PAUSE if self._model.backlog else 0)

    def _put_command(self, command: Callable[[], None]) -> None:
        if self._waiting_commands >= MAX_COMMANDS:
            raise GatewayError(ErrorCode.UPSTREAM_UNAVAILABLE, "too many commands wait")
        self._waiting.append(command)
        self._waiting_commands += 1
        self._feed()

    def _put(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), APPEND_BYTES):
            piece = pcm[start : start + APPEND_BYTES]
            self._waiting.append(piece)
            self._count(len(piece))
        self._feed()

    def _feed(self) -> None:
        """Give the model one piece, and all that is to be done behind it."""
        if self._waiting and isinstance(self._waiting[0], bytes) and self._model.has_room:
            pcm = self._waiting.popleft()
            assert isinstance(pcm, bytes)
            self._count(-len(pcm))
            self._model.append(pcm)
        while self._waiting and not isinstance(self._waiting[0], bytes):
            done = self._waiting.popleft()
            assert not isinstance(done, bytes)
            self._waiting_commands -= 1
            done()
        if self._waiting:
            self._wake.set()

    def _count(self, size: int) -> None:
        self._waiting_bytes += size
        if self._waiting_bytes < MAX_WAITING:
            self._room.set()
        else:
            self._room.clear()
