"""Files that grow while a call lasts, and can be read whenever its process dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_MODE = 0o600
FOLDER_MODE = 0o700


class Locked(Exception):
    """Somebody writes the file."""


class AppendFile:
    """A file of one writer, who holds its lock until it is closed or its process ends, however that
    comes about.

    :raises OSError: it cannot be made.
    :raises Locked: another one writes it.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path, flags, FILE_MODE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.size = os.fstat(self._file).st_size
        except BlockingIOError:
            os.close(self._file)
            raise Locked(path.name) from None

    def append(self, data: bytes) -> None:
        """All of it, or nothing.

        :raises OSError: nothing of it was written.
        """
        self.put(self.size, data)
        self.size += len(data)

    def put(self, offset: int, data: bytes) -> None:
        """Write at ``offset``; where nothing was written before it there are zeros.

        :raises OSError: the file ends where it ended before, or is as long as it was.
        """
        view, at = memoryview(data), offset
        try:
            while view:
                written = os.pwrite(self._file, view, at)
                view, at = view[written:], at + written
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise

    def truncate(self, size: int) -> None:
        """:raises OSError: it stays as it is."""
        os.ftruncate(self._file, size)
        self.size = size

    def sync(self) -> None:
        """Return when the disk has it all.

        :raises OSError: it may not have it.
        """
        os.fsync(self._file)

    def close(self) -> None:
        """Give the lock back. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class LineFile:
    """JSON, one object a line."""

    def __init__(self, path: Path) -> None:
        """:raises OSError, Locked: as :class:`AppendFile`."""
        self._file = AppendFile(path)

    def append(self, lines: list[Any]) -> None:
        """All of them, or none.

        :raises OSError, ValueError: none was written.
        """
        self._file.append(b"".join(as_line(line) for line in lines))

    def close(self) -> None:
        self._file.close()


def as_line(value: Any) -> bytes:
    """``value`` as one line of JSON, the same for the same value. What JSON has no form for, as
    anybody's tool may tell it, is written as text.

    :raises ValueError: it holds itself.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), skipkeys=True, default=repr)
    # Half a character becomes JSON's escape for it.
    return text.encode(errors="backslashreplace") + b"\n"


def read_lines(path: Path) -> Iterator[Any]:
    """The values of a file of JSON lines; the last one, if it was cut, is left out.

    :raises OSError: there is no such file.
    """
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def replace_json(path: Path, value: Any) -> None:
    """Write ``value`` as the file's whole content, at once: whoever reads it sees the old or the
    new.

    :raises OSError: the old one is there still.
    """
    beside = path.with_name(path.name + ".new")
    text = json.dumps(value, ensure_ascii=False, indent=1).encode(errors="backslashreplace")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(beside, flags, FILE_MODE), "wb") as file:
            file.write(text + b"\n")
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def is_locked(path: Path) -> bool:
    """Whether somebody writes the file now."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
