"""The recorder of all calls: one thread that encodes and writes, and what leads to it.

The event loop only keeps what happens, in order; twice a second a call's share goes into the
thread's queue. The queue is bounded: with a disk that is too slow sound is lost, and counted, but
no call waits for it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.heartbeat import heartbeat
from gateway.recording.entries import AgentSound, CallerSound, Entry
from gateway.recording.folder import VERSION
from gateway.recording.retention import Retention, keep_within
from gateway.recording.sound import SoundFormat
from gateway.recording.store import prepare, repair_all
from gateway.recording.writer import CallWriter

STOPPED: Final = "the gateway stops"

PERIOD: Final = 0.5
"""Seconds between two shares of a call. What is lost in a crash is not more than this and
:data:`~gateway.recording.writer.HOLD`, and the time that the thread takes.
"""

MAX_QUEUED: Final = 64 << 20
"""Bytes of sound that may wait for the thread: eleven minutes of one call, or seven seconds of a
hundred.
"""

_ENTRY_BYTES: Final = 200
"""What an entry weighs besides its sound."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """What is recorded, and where.

    :ivar packets: keep what a replay needs.
    :ivar notice: is said to every caller first; empty: nothing is.
    """

    root: Path
    format: SoundFormat = "opus"
    packets: bool = False
    retention: Retention = field(default_factory=Retention)
    notice: str = ""


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """How the recorder fares; counts since its start.

    :ivar live: calls being recorded now; ``finished``: those that were.
    :ivar queued_bytes: that wait for the thread now.
    :ivar dropped_samples: of both sides, given up because too much waited.
    :ivar lost_samples: that the disk did not take; ``lost_lines``: for either reason.
    """

    live: int
    finished: int
    queued_bytes: int
    dropped_samples: int
    lost_samples: int
    lost_lines: int


class Recording:
    """One call being recorded, on the event loop."""

    def __init__(self, session_id: str, writer: Callable[[], CallWriter]) -> None:
        self.session_id = session_id
        self.make_writer = writer
        self._entries: list[Entry] = []
        self._size = 0

    def add(self, entry: Entry) -> None:
        """Keep what happened."""
        self._entries.append(entry)
        self._size += _ENTRY_BYTES
        if isinstance(entry, CallerSound | AgentSound):
            self._size += len(entry.pcm)

    def share(self) -> tuple[list[Entry], int]:
        """What happened since the last time, and its bytes in memory."""
        share = self._entries, self._size
        self._entries, self._size = [], 0
        return share


@dataclass(frozen=True, slots=True)
class _Share:
    """A call's part of the queue; ``reason``: why it is the last one."""

    recording: Recording
    entries: list[Entry]
    size: int
    now: float
    reason: str | None


class Recorder:
    """Records calls from :meth:`start` to :meth:`close`.

    :param expired: is told which session's recording is deleted by the rules of retention.
    """

    def __init__(
        self, settings: RecordSettings, expired: Callable[[str], None] = lambda _: None
    ) -> None:
        self.settings = settings
        self._expired = expired
        self._live: dict[str, Recording] = {}
        self._queue: queue.SimpleQueue[_Share | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder")
        self._tasks: list[asyncio.Task[None]] = []
        self._dropped = self._dropped_lines = 0
        # Each is written by one thread only.
        self._bytes_in = self._bytes_out = 0
        self._finished = self._lost_samples = self._lost_lines = 0

    @property
    def stats(self) -> RecorderStats:
        return RecorderStats(
            len(self._live),
            self._finished,
            self._bytes_in - self._bytes_out,
            self._dropped,
            self._lost_samples,
            self._lost_lines + self._dropped_lines,
        )

    @property
    def is_running(self) -> bool:
        """Whether the thread is there that writes."""
        return self._thread.is_alive()

    def records(self, session_id: str) -> bool:
        """Whether that call is being recorded here."""
        return session_id in self._live

    def start(self) -> None:
        """Begin; what calls left behind that a crash ended is made whole first.

        :raises OSError: nothing can be written there.
        """
        prepare(self.settings.root)
        self._thread.start()
        keeping = keep_within(self.settings.root, self.settings.retention, told=self._expired)
        self._tasks = [
            asyncio.create_task(heartbeat(self._hand_over, PERIOD), name="recorder"),
            asyncio.create_task(keeping, name="retention"),
        ]

    async def close(self) -> None:
        """Write what there is of all calls, and end the thread."""
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for recording in list(self._live.values()):
            self.end(recording, STOPPED)
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def begin(self, session_id: str, about: Mapping[str, Any]) -> Recording:
        """Record a call from now on.

        :param about: what is to be known of the call later.
        """
        now = asyncio.get_running_loop().time()
        settings = self.settings
        head = {
            "version": VERSION,
            "sessionId": session_id,
            "startedAt": time.time_ns() // 1_000_000,
            "sampleRate": SAMPLE_RATE,
            "format": settings.format,
            **about,
        }

        def writer() -> CallWriter:
            return CallWriter(
                settings.root, session_id, head, now, settings.format, packets=settings.packets
            )

        recording = self._live[session_id] = Recording(session_id, writer)
        return recording

    def end(self, recording: Recording, reason: str) -> None:
        """The call is over; what there is of it will be written. May be called twice."""
        if self._live.pop(recording.session_id, None) is not None:
            self._put(recording, asyncio.get_running_loop().time(), reason)

    def _hand_over(self, now: float) -> None:
        for recording in self._live.values():
            self._put(recording, now)

    def _put(self, recording: Recording, now: float, reason: str | None = None) -> None:
        entries, size = recording.share()
        if self._bytes_in - self._bytes_out + size > MAX_QUEUED:
            sounds = [e for e in entries if isinstance(e, CallerSound | AgentSound)]
            self._dropped += sum(len(sound.pcm) for sound in sounds) // 2
            self._dropped_lines += len(entries) - len(sounds)
            entries, size = [], 0
        self._bytes_in += size
        self._queue.put(_Share(recording, entries, size, now, reason))

    # -- in the thread

    def _run(self) -> None:
        repair_all(self.settings.root)
        writers: dict[Recording, CallWriter] = {}
        while (share := self._queue.get()) is not None:
            writer = writers.get(share.recording)
            if writer is None:
                writer = writers[share.recording] = share.recording.make_writer()
            lost_samples, lost_lines = writer.lost_samples, writer.lost_lines
            if share.reason is None:
                writer.take(share.entries, share.now)
            else:
                writer.close(share.entries, share.now, share.reason)
                del writers[share.recording]
                self._finished += 1
            self._lost_samples += writer.lost_samples - lost_samples
            self._lost_lines += writer.lost_lines - lost_lines
            self._bytes_out += share.size
