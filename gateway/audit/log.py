"""The audit log: one thread that writes and syncs, and what leads to it.

Notes wait in a bounded queue. The thread takes all there are, appends them, and has the disk take
them before it looks for more: under load many entries share one ``fsync``. A disk that takes
nothing is tried again, so that nothing is lost; once the queue is full, what would have to be noted
is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from gateway.audit.actor import GATEWAY, Actor
from gateway.audit.audit import Fact
from gateway.audit.chain import (
    BEGAN,
    CONTINUED,
    NOTHING,
    PREVIOUS,
    TORN,
    Head,
    NotAnEntry,
    chained,
    digest,
    head_of,
    parse_entry,
)
from gateway.core.events import ErrorCode, GatewayError
from gateway.recording.files import AppendFile, Locked

log = structlog.get_logger(__name__)

MAX_QUEUED: Final = 10_000
"""Notes that may wait for the disk."""

ROTATE_AT: Final = 16 << 20
"""Bytes of a file, about 50,000 entries, at which the next one begins."""

MAX_TEXT: Final = 256
"""Characters of a name or a fact; the rest is left out."""

RETRY: Final = 1.0
"""Seconds until a disk that refused is tried again."""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that the disk has for the last entries when the gateway stops."""

TELL_EVERY: Final = 600.0
"""Seconds after which the gateway's own log is told the head, if there is another one."""

_FIRST: Final = b'{"action":"log.'
"""A log begins with it."""

Entry = dict[str, Any]


class AuditLogError(Exception):
    """The log cannot be gone on with: one sentence says why."""


class AuditLog:
    """Notes entries from :meth:`start` to :meth:`close`; an :class:`~gateway.audit.audit.Audit`.

    :param clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_queued: int = MAX_QUEUED,
        rotate_at: int = ROTATE_AT,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = path
        self._max_queued = max_queued
        self._rotate_at = rotate_at
        self._clock = clock
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="audit")
        self._giving_up = threading.Event()
        self._file: AppendFile | None = None
        self._head = NOTHING
        self._ill = False
        self._told_at = time.monotonic()
        # Each is written by one thread only.
        self._noted = self._written = 0

    @property
    def waiting(self) -> int:
        """Notes that the disk does not have yet."""
        return self._noted - self._written

    @property
    def is_ill(self) -> bool:
        """Whether the disk refuses what is noted."""
        return self._ill

    @property
    def head(self) -> Head:
        """Of what the disk has."""
        return self._head

    def start(self) -> None:
        """Begin, or go on where the log ended.

        :raises OSError: it cannot be written.
        :raises AuditLogError: another gateway writes it, or it is none.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._file = AppendFile(self._path)
        except Locked:
            raise AuditLogError("another gateway writes it: each needs one of its own") from None
        try:
            self._resume()
        except (OSError, AuditLogError):
            self._file.close()
            raise
        log.info("audit head", head=str(self._head))
        self._thread.start()

    def check(self) -> None:
        """As :class:`~gateway.audit.audit.Audit`."""
        if self.waiting >= self._max_queued:
            raise GatewayError(ErrorCode.CAPACITY, "the audit log cannot be written now")

    def note(self, action: str, actor: Actor, session: str | None = None, **facts: Fact) -> None:
        """As :class:`~gateway.audit.audit.Audit`."""
        self.check()
        self.happened(action, actor, session, **facts)

    def happened(
        self, action: str, actor: Actor, session: str | None = None, **facts: Fact
    ) -> None:
        """As :class:`~gateway.audit.audit.Audit`."""
        self._noted += 1
        self._queue.put(self._entry(action, actor, session, **facts))

    async def close(self) -> None:
        """Write what waits, and end the thread. May be called twice, and without a start."""
        if not self._thread.is_alive():
            return
        self.happened("gateway.stopped", GATEWAY)
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, CLOSE_TIMEOUT)
        self._giving_up.set()
        await asyncio.to_thread(self._thread.join)
        if self.waiting:
            log.error("audit entries are lost: the disk does not take them", entries=self.waiting)
        log.info("audit head", head=str(self._head))

    def _entry(self, action: str, actor: Actor, session: str | None = None, **facts: Fact) -> Entry:
        at = datetime.fromtimestamp(self._clock() / 1e9, UTC)
        return {
            "action": action,
            "actor": actor.name[:MAX_TEXT],
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "door": actor.door,
            "facts": {name: _short(fact) for name, fact in facts.items()},
            "session": session if session is None else session[:MAX_TEXT],
        }

    # -- in the thread

    def _run(self) -> None:
        ends = False
        while not ends:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < self._max_queued:
                    batch.append(self._queue.get_nowait())
            ends = batch[-1] is None
            entries = [entry for entry in batch if entry is not None]
            while entries and not self._try(entries):
                if self._giving_up.wait(RETRY):
                    break
            else:
                self._written += len(entries)
        if self._file is not None:
            self._file.close()

    def _try(self, entries: list[Entry]) -> bool:
        try:
            self._append(entries)
        except OSError as error:
            if not self._ill:
                log.error("audit log cannot be written", reason=str(error))
            self._ill = True
            return False
        self._ill = False
        if time.monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = time.monotonic()
            log.info("audit head", head=str(self._head))
        return True

    def _append(self, entries: list[Entry], ending: bytes = b"") -> None:
        """All of them, or none, until the disk has them.

        :param ending: of a line that a crash left without one.
        :raises OSError: none is there.
        """
        if self._file is not None and self._file.size >= self._rotate_at:
            self._rotate(self._file)
        if self._file is None:
            self._file = self._next_file()
        head, lines = self._head, [ending]
        for entry in entries:
            line, head = chained(head, entry)
            lines.append(line)
        before = self._file.size
        self._file.append(b"".join(lines))
        try:
            self._file.sync()
        except OSError:
            # Written again, it would be there twice.
            self._file.truncate(before)
            raise
        self._head = head

    def _rotate(self, file: AppendFile) -> None:
        """The file keeps its entries under another name; the next entry begins the next file."""
        os.rename(self._path, _kept_as(self._path, self._head))
        file.close()
        self._file = None
        log.info("audit head", head=str(self._head), file=_kept_as(self._path, self._head).name)

    def _next_file(self) -> AppendFile:
        """:raises OSError: it cannot be made, or somebody else made it."""
        try:
            file = AppendFile(self._path)
        except Locked:
            raise OSError("another gateway writes it") from None
        try:
            line, head = chained(self._head, self._continued())
            file.append(line)
            file.sync()
        except OSError:
            file.close()
            raise
        self._head = head
        _sync_folder(self._path.parent)
        return file

    def _continued(self) -> Entry:
        return self._entry(CONTINUED, GATEWAY, **{PREVIOUS: str(self._head)})

    # -- at the start

    def _resume(self) -> None:
        """Go on where the log ended, and say what is to be said of that.

        :raises OSError, AuditLogError: as :meth:`start`.
        """
        tail = read_tail(self._path)
        self._head = tail.head
        entries = [self._entry("gateway.started", GATEWAY)]
        if self._head is NOTHING:
            kept = last_kept(self._path)
            if kept is None:
                entries.insert(0, self._entry(BEGAN, GATEWAY, salt=secrets.token_hex(32)))
            else:  # It ended between one file and the next.
                self._head = read_tail(kept).head
                entries.insert(0, self._continued())
        if tail.torn:
            entries[0]["facts"].update({TORN: digest(tail.torn), "tornBytes": len(tail.torn)})
            log.warning("a crash left an audit entry unfinished", bytes=len(tail.torn))
        self._append(entries, b"" if tail.ended else b"\n")


def last_kept(path: Path) -> Path | None:
    """The latest of the files that the log at ``path`` filled; None: there is none."""
    return max(path.parent.glob(f"{path.stem}-{'[0-9]' * 12}{path.suffix}"), default=None)


def _kept_as(path: Path, head: Head) -> Path:
    """The name of a file that ends with ``head``: names stand in the order of their entries."""
    return path.with_name(f"{path.stem}-{head.seq:012}{path.suffix}")


class Tail(NamedTuple):
    """How a file ends.

    :ivar head: of its last entry.
    :ivar torn: what a crash left behind that, without the end of its last line.
    :ivar ended: whether the last line has its end.
    """

    head: Head
    torn: bytes
    ended: bool


def read_tail(path: Path) -> Tail:
    """:raises OSError: the file cannot be read.
    :raises AuditLogError: it is no audit log.
    """
    lines = path.read_bytes().split(b"\n")
    ended = not lines[-1]
    if ended:
        lines.pop()
    torn: list[bytes] = []
    while lines:
        try:
            return Tail(head_of(parse_entry(lines[-1])), b"\n".join(torn), ended)
        except NotAnEntry:
            torn.insert(0, lines.pop())
    if torn and not torn[0].startswith(_FIRST[: max(1, len(torn[0]))]):
        raise AuditLogError("the file is no audit log")
    return Tail(NOTHING, b"\n".join(torn), ended)


def _sync_folder(path: Path) -> None:
    """Have the disk take the names in a folder."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _short(fact: Fact) -> Fact:
    return fact[:MAX_TEXT] if isinstance(fact, str) else fact
