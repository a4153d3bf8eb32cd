"""`scripts/idle-sessions`: what a session costs a gateway while nobody speaks: memory, tasks,
sockets."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import aiohttp

from client.python.bench import subject
from client.python.bench.command import FAILED, MEASURED, STOPPED, count
from client.python.bench.errors import BenchError
from client.python.bench.footprint import Footprint, Watch, watched
from client.python.bench.model import MockModel, ModelLine
from client.python.connection import Connection
from client.python.errors import ClientError

_REQUEST_SECONDS = 20.0
_SETTLE_SECONDS = 3.0
_WARM_UP = 10
"""Sessions before anything is counted: what is loaded but once is no session's."""

_SETTINGS = {"LOG_LEVEL": "error"}


class Quiet:
    """The model's side of every session: it is there, and says nothing."""

    def on_model_open(self, line: ModelLine) -> None: ...

    def on_append(self, pcm: bytes, at: float) -> None: ...

    def on_client_event(self, event: dict[str, Any], at: float) -> None: ...

    def on_model_closed(self, line: ModelLine) -> None: ...


@dataclass(frozen=True, slots=True)
class Idle:
    """What a gateway holds without sessions, and with all of them."""

    rest: Footprint
    full: Footprint

    @property
    def sessions(self) -> int:
        return self.full.sessions - self.rest.sessions

    @property
    def kib_per_session(self) -> float:
        return (self.full.rss_kib - self.rest.rss_kib) / self.sessions

    def __str__(self) -> str:
        tasks = (self.full.tasks - self.rest.tasks) / self.sessions
        sockets = (self.full.sockets - self.rest.sockets) / self.sessions
        return (
            f"{self.sessions} idle sessions: {self.kib_per_session:.1f} KiB of RSS, "
            f"{tasks:.1f} tasks and {sockets:.1f} sockets each, "
            f"{self.full.threads - self.rest.threads} threads more"
        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/idle-sessions",
        description="Opens sessions by Socket.IO at a gateway of its own; what does one cost?",
    )
    parser.add_argument("--sessions", type=count, default=200, help="how many (200)")
    options = parser.parse_args(argv)
    try:
        print(asyncio.run(measure(options.sessions)))
    except (BenchError, ClientError, OSError) as error:
        print(f"idle-sessions: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return STOPPED
    return MEASURED


async def measure(sessions: int) -> Idle:
    """Raises `BenchError` and `ClientError`."""
    model, watch = MockModel(), Watch()
    await model.start()
    model.expect(0, Quiet())
    try:
        command = watched(subject.gateway_command())
        settings = {**subject.gateway_environment(model.url), **_SETTINGS}
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            subject.running(command, settings, watch.on_line) as gateway,
            aiohttp.ClientSession(connector=connector) as http,
        ):
            await leave(await join(gateway.url, _WARM_UP))
            await asyncio.sleep(_SETTLE_SECONDS)
            rest = await watch.look(gateway, http)
            joined = await join(gateway.url, sessions)
            await asyncio.sleep(_SETTLE_SECONDS)
            full = await watch.look(gateway, http)
            if full.sockets - rest.sockets < 2 * sessions:
                raise BenchError("some sessions did not reach their model")
            await leave(joined)
            return Idle(rest, full)
    finally:
        await model.stop()


async def join(url: str, how_many: int) -> list[Connection]:
    """So many sessions by Socket.IO in which nothing is said. Raises `ClientError`."""
    joined: list[Connection] = []
    for number in range(how_many):
        connection = Connection(url, lambda name, args: None, lambda: None)
        joined.append(connection)
        await connection.open(None, _REQUEST_SECONDS)
        await connection.request("join_session", ({"userId": f"idle-{number}"},), _REQUEST_SECONDS)
    return joined


async def leave(joined: list[Connection]) -> None:
    """End them. Raises `ClientError`."""
    for connection in joined:
        await connection.request("disconnect_session", (), _REQUEST_SECONDS)
        await connection.close()
