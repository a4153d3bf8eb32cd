"""What a gateway holds at one moment: memory, threads, descriptors, asyncio tasks, sessions."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import aiohttp

from client.python.bench import process
from client.python.bench.errors import BenchError
from client.python.bench.subject import Subject
from client.python.bench.watched import MARK

_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Footprint:
    """`sockets` are among the `descriptors`."""

    rss_kib: int
    sessions: int
    threads: int
    tasks: int
    sockets: int
    descriptors: int

    @property
    def held(self) -> dict[str, int]:
        """All but memory: counted exactly, and as before when all calls are over."""
        return {name: value for name, value in asdict(self).items() if name != "rss_kib"}


def watched(command: Sequence[str]) -> list[str]:
    """`python -m MODULE …` run in a way that tells its tasks."""
    interpreter, _, *module = command
    return [interpreter, "-m", "client.python.bench.watched", *module]


class Watch:
    """Watches a gateway whose command is `watched`; `on_line` is to be told what it prints."""

    def __init__(self) -> None:
        self._told: asyncio.Future[int] | None = None

    def on_line(self, line: str) -> None:
        """One line of the gateway's."""
        if line.startswith(MARK) and self._told is not None and not self._told.done():
            self._told.set_result(int(line.removeprefix(MARK)))
        elif line:
            print(line, file=sys.stderr)

    async def look(self, gateway: Subject, http: aiohttp.ClientSession) -> Footprint:
        """What `gateway` holds now. Raises `BenchError` if it does not tell."""
        assert gateway.pid is not None
        # The sessions last: what they are asked through would be counted.
        tasks = await self._tasks(gateway.pid)
        usage, descriptors = process.usage(gateway.pid), process.descriptors(gateway.pid)
        sessions = await self._sessions(gateway, http)
        if usage is None or descriptors is None:
            raise BenchError("the gateway's process cannot be seen in /proc")
        return Footprint(
            usage.rss // 1024,
            sessions,
            usage.threads,
            tasks,
            descriptors.sockets,
            descriptors.total,
        )

    async def look_when_steady(
        self, gateway: Subject, http: aiohttp.ClientSession, steady: float, within: float
    ) -> Footprint:
        """As `look`, when there is no session and nothing that can be counted has changed for
        `steady` seconds. Raises `BenchError` if that takes more than `within` seconds."""
        loop = asyncio.get_running_loop()
        last = await self.look(gateway, http)
        start = since = loop.time()
        while last.sessions or loop.time() - since < steady:
            if loop.time() - start > within:
                raise BenchError(f"the gateway did not come to rest within {within:g} s")
            await asyncio.sleep(_POLL_SECONDS)
            now = await self.look(gateway, http)
            if now.held != last.held:
                since = loop.time()
            last = now
        return last

    async def look_at_rest(
        self,
        gateway: Subject,
        http: aiohttp.ClientSession,
        rest: Footprint,
        within: float,
    ) -> Footprint:
        """As `look`, as soon as nothing is held beyond `rest`, or after `within` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            now = await self.look(gateway, http)
            if loop.time() >= deadline or not grown(rest, now):
                return now
            await asyncio.sleep(_POLL_SECONDS)

    async def _tasks(self, pid: int) -> int:
        self._told = asyncio.get_running_loop().create_future()
        os.kill(pid, signal.SIGUSR1)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._told
        except TimeoutError:
            raise BenchError("the gateway does not tell its tasks") from None

    async def _sessions(self, gateway: Subject, http: aiohttp.ClientSession) -> int:
        limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with http.get(f"{gateway.url}/health", timeout=limit) as response:
                return int((await response.json())["sessions"])
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            raise BenchError(f"/health of the gateway: {type(error).__name__}") from error


def grown(before: Footprint, after: Footprint) -> dict[str, int]:
    """How much more of each `after` holds."""
    return {
        name: count - before.held[name]
        for name, count in after.held.items()
        if count > before.held[name]
    }
