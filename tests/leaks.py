"""What a test leaves behind: asyncio tasks, threads, child processes, open descriptors.

`snapshot` before, `settle` after: it returns a readable line for everything that is new and does
not go away within the grace. The grace is for what ends by itself a moment later (a transport one
loop turn after `close()`, a thread after its last instructions); a clean test never waits for it.
"""

import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import psutil

GRACE = 3.0
_TURN = 0.005
_DESCRIPTORS = Path("/proc/self/fd")
_THREADS = Path("/proc/self/task")


@dataclass(frozen=True)
class Snapshot:
    """Everything alive at one moment. `tasks` are those of one loop, `descriptors` (fd, target)."""

    tasks: frozenset[asyncio.Task[Any]]
    threads: frozenset[threading.Thread]
    processes: frozenset[int]
    descriptors: frozenset[tuple[int, str]]

    def __sub__(self, before: "Snapshot") -> "Snapshot":
        return Snapshot(
            frozenset(_more(self.tasks - before.tasks, before.tasks - self.tasks)),
            self.threads - before.threads,
            self.processes - before.processes,
            self.descriptors - before.descriptors,
        )

    def __bool__(self) -> bool:
        return bool(self.tasks or self.threads or self.processes or self.descriptors)


def _more(new: Iterable[asyncio.Task[Any]], gone: Iterable[asyncio.Task[Any]]) -> Iterator[Any]:
    """Those that did not take the place of another: a server's `wait_for` in a loop, as Engine.IO
    has one, is a task of its own each time it begins anew.
    """
    ended = Counter(map(_name_of, gone))
    for task in new:
        if ended[_name_of(task)] > 0:
            ended[_name_of(task)] -= 1
        else:
            yield task


def _name_of(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", "")


def snapshot(loop: asyncio.AbstractEventLoop | None) -> Snapshot:
    """What is alive now. Without a loop there are no tasks; descriptors are seen on Linux only."""
    return Snapshot(
        frozenset(asyncio.all_tasks(loop)) if loop else frozenset(),
        # A native thread that called into Python once keeps its dummy entry for ever.
        frozenset(t for t in threading.enumerate() if not isinstance(t, threading._DummyThread)),
        frozenset(_children()),
        frozenset(_descriptors()),
    )


def settle(before: Snapshot, loop: asyncio.AbstractEventLoop | None, grace: float) -> list[str]:
    """Lines about what is new since `before` and still there after `grace` seconds; [] is clean.

    `loop` must not be running: it is turned here, so that what is being closed can close.
    """
    _turn(loop, 0)
    if not snapshot(loop) - before:
        return []
    _retire_executor(loop)
    deadline = time.monotonic() + grace
    while True:
        gc.collect()
        _turn(loop, _TURN)
        left = snapshot(loop) - before
        if not left:
            return []
        if time.monotonic() >= deadline:
            return list(_describe(left))


def _turn(loop: asyncio.AbstractEventLoop | None, seconds: float) -> None:
    if loop:
        loop.run_until_complete(asyncio.sleep(seconds))
    elif seconds:
        time.sleep(seconds)


def _retire_executor(loop: asyncio.AbstractEventLoop | None) -> None:
    """End the idle threads of the loop's own executor (getaddrinfo, to_thread).

    They belong to the loop, which ends them when it closes. `loop.shutdown_default_executor()` also
    waits, without a limit, for one that hangs, and forbids the loop a new executor.
    """
    executor = getattr(loop, "_default_executor", None)
    if executor is not None:
        setattr(loop, "_default_executor", None)  # noqa: B010 (private: a plain one fails mypy)
        executor.shutdown(wait=False)


def _children() -> Iterator[int]:
    if not _THREADS.exists():
        yield from (child.pid for child in psutil.Process().children())
        return
    # Fifty times cheaper than psutil, which reads every process of the machine.
    for thread in _THREADS.iterdir():
        try:
            yield from map(int, (thread / "children").read_text().split())
        except FileNotFoundError:  # the thread has just ended
            continue


def _descriptors() -> Iterator[tuple[int, str]]:
    if not _DESCRIPTORS.exists():
        return
    for name in os.listdir(_DESCRIPTORS):
        try:
            yield int(name), os.readlink(_DESCRIPTORS / name)
        except FileNotFoundError:  # the one listdir itself had open
            continue


def _describe(left: Snapshot) -> Iterator[str]:
    yield from (_describe_task(task) for task in left.tasks)
    frames = sys._current_frames()
    for thread in left.threads:
        frame = frames.get(thread.ident or 0)
        yield f"thread {thread.name!r}{_at(frame)}"
    for pid in left.processes:
        yield f"process {pid}{_command(pid)}"
    sockets = _socket_addresses() if left.descriptors else {}
    for descriptor, target in sorted(left.descriptors):
        yield f"descriptor {descriptor} {target}{sockets.get(descriptor, '')}"


def _describe_task(task: asyncio.Task[Any]) -> str:
    places = [f"{_place(code, line)}" for code, line in _await_chain(task.get_coro())]
    return f"task {task.get_name()!r} in {' > '.join(places) or task.get_coro()}"


def _await_chain(awaited: object) -> Iterator[tuple[CodeType, int]]:
    """From the task's coroutine inwards to the one which really waits."""
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        yield frame.f_code, frame.f_lineno
        awaited = getattr(awaited, "cr_await", None)


def _at(frame: FrameType | None) -> str:
    if frame is None:
        return ""
    calls = [_place(call.f_code, line) for call, line in traceback.walk_stack(frame)]
    return f" in {' > '.join(reversed(calls[:4]))}"


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{line})"


def _command(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return f" {process.status()}: {' '.join(process.cmdline()) or process.name()}"
    except psutil.NoSuchProcess:
        return ""


def _socket_addresses() -> dict[int, str]:
    connections = psutil.Process().net_connections(kind="all")
    return {c.fd: f" {c.laddr or ''} -> {c.raddr or ''} {c.status}" for c in connections}
