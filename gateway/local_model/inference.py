"""Runs inference for all sessions on a few threads, fairly, and never on the event loop.

The queue lives on the event loop's thread, so it needs no locks; the threads see one piece of
work at a time. Sessions take turns. Urgent work, for which a caller waits, goes before work that
prepares for what may not come. Work that is dropped while it waits is never run.
"""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from gateway.local_model.outputs import Work

log = structlog.get_logger(__name__)

WORKERS = 2
"""Two cores are shared with the gateway; each inference uses one thread."""

MOST_WAITING = 64
"""Work one owner may have waiting: an hour's worth of an ordinary conversation's pauses."""

Done = Callable[[Work, BaseException | None], None]


class Overloaded(Exception):
    """The owner has too much work waiting."""


@dataclass(eq=False)
class _Job:
    work: Work
    urgent: bool
    done: Done


class InferencePool:
    """A bounded, fair queue before a fixed number of threads. Use it on one event loop only."""

    def __init__(self, run: Callable[[Work], None], workers: int = WORKERS) -> None:
        """``run`` does a piece of work in place; it is called on the pool's threads."""
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[Hashable, list[_Job]] = OrderedDict()
        self._idle = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="inference")

    @property
    def depth(self) -> int:
        """Jobs waiting, those being run not counted."""
        return sum(map(len, self._waiting.values()))

    def submit(self, owner: Hashable, work: Work, *, urgent: bool, done: Done) -> None:
        """Queue ``work``; ``done(work, error)`` is called on the loop when it was run.

        Raises `Overloaded`.
        """
        jobs = self._waiting.setdefault(owner, [])
        if len(jobs) >= MOST_WAITING:
            raise Overloaded
        jobs.append(_Job(work, urgent, done))
        self._dispatch()

    def promote(self, owner: Hashable, work: Work) -> None:
        """A caller waits for ``work`` now."""
        for job in self._waiting.get(owner, []):
            if job.work is work:
                job.urgent = True

    def drop(self, owner: Hashable, work: Work) -> None:
        """Nobody waits for ``work`` any more; its ``done`` may still be called if it is running."""
        jobs = self._waiting.get(owner, [])
        jobs[:] = [job for job in jobs if job.work is not work]
        self._forget_if_empty(owner)

    def drop_all(self, owner: Hashable) -> None:
        """The owner is gone."""
        self._waiting.pop(owner, None)

    def close(self) -> None:
        """Forget what waits; what is being run ends by itself, and its thread with it."""
        self._waiting.clear()
        self._threads.shutdown(wait=False)

    def _dispatch(self) -> None:
        while self._idle and (job := self._next()) is not None:
            self._idle -= 1
            future = self._loop.run_in_executor(self._threads, self._run, job.work)
            future.add_done_callback(functools.partial(self._finished, job))

    def _next(self) -> _Job | None:
        """The next owner's first urgent job; without any, the next owner's first job."""
        for urgent in (True, False):
            for owner, jobs in self._waiting.items():
                for job in jobs:
                    if job.urgent or not urgent:
                        jobs.remove(job)
                        self._waiting.move_to_end(owner)
                        self._forget_if_empty(owner)
                        return job
        return None

    def _forget_if_empty(self, owner: Hashable) -> None:
        if owner in self._waiting and not self._waiting[owner]:
            del self._waiting[owner]

    def _finished(self, job: _Job, future: asyncio.Future[None]) -> None:
        self._idle += 1
        self._dispatch()
        error = future.exception()
        if error is not None:
            log.error("inference failed", work=type(job.work).__name__, exc_info=error)
        job.done(job.work, error)
