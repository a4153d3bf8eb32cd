"""What a process and all of its children use: CPU time, memory, threads, descriptors. Read from
Linux's /proc; elsewhere nothing is known."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu`: seconds since each process began, of children that ended as well. `rss`: bytes."""

    cpu: float
    rss: int
    threads: int


def usage(pid: int) -> Usage | None:
    """Of process `pid` and its descendants; None if that cannot be known or it has ended."""
    if not (_PROC / str(pid) / "stat").exists():
        return None
    cpu, rss, threads = 0.0, 0, 0
    for member in family(pid):
        try:
            stat = (_PROC / str(member) / "stat").read_text()
        except OSError:
            continue  # It ended just now; its CPU time is its parent's from here on.
        # The command, in parentheses, may hold blanks. Fields counted from the state, the third:
        # utime to cstime are 14 to 17, num_threads is 20, rss (in pages) 24; see proc(5).
        fields = stat.rpartition(")")[2].split()
        cpu += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        threads += int(fields[17])
        rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(cpu, rss, threads)


@dataclass(frozen=True, slots=True)
class Descriptors:
    """How many are open, and how many of them are sockets."""

    total: int
    sockets: int


def descriptors(pid: int) -> Descriptors | None:
    """Of process `pid` and its descendants; None if that cannot be known or it has ended."""
    if not (_PROC / str(pid) / "fd").exists():
        return None
    targets = [target for member in family(pid) for target in _open_files(member)]
    return Descriptors(len(targets), sum(target.startswith("socket:") for target in targets))


def _open_files(pid: int) -> Iterator[str]:
    folder = _PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):  # Closed just now.
            yield os.readlink(folder / name)


def family(pid: int) -> Iterator[int]:
    """`pid` and its descendants, those of every thread of each."""
    yield pid
    for listed in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            children = listed.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))
