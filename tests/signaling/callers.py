"""Socket.IO clients for tests: a well-behaved one, and a bare WebSocket that may send anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import socketio

PATIENCE = 10.0
"""Seconds any wait of these tests may take; they fail then."""

Event = tuple[Any, ...]
"""A name and its arguments."""


async def until(holds: Callable[[], bool]) -> None:
    """Wait, turn by turn of the loop, for what no event announces."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


class Log:
    """Events as they arrived, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Condition()

    async def add(self, event: Event) -> None:
        self.events.append(event)
        async with self._changed:
            self._changed.notify_all()

    def of(self, name: str) -> list[Any]:
        """The first argument of every event of that name."""
        return [event[1] for event in self.events if event[0] == name]

    async def wait(
        self, name: str, wanted: Callable[[Any], bool] = lambda _: True, count: int = 1
    ) -> Any:
        """The ``count``-th event of that name whose first argument is wanted, past or to come."""

        def found() -> list[Any]:
            return [payload for payload in self.of(name) if wanted(payload)]

        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]


class Caller(Log):
    """A client by the book. Use as an async context manager."""

    def __init__(
        self, url: str, transport: str = "websocket", token: str | None = None, **headers: str
    ) -> None:
        super().__init__()
        self.url = url
        self.transport = transport
        self.headers = headers
        self.auth = {"token": token} if token is not None else None
        self.ended = asyncio.Event()
        self.session: dict[str, Any] = {}
        """The acknowledgement of its last join."""

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self._socket = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, http_session=self._http
        )
        self._socket.on("*", self._event)
        self._socket.on("disconnect", self._ended)
        await self._socket.connect(
            self.url, transports=[self.transport], headers=self.headers, auth=self.auth
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.leave()

    async def _event(self, name: str, *args: Any) -> None:
        await self.add((name, *args))

    async def _ended(self, reason: str) -> None:
        self.ended.set()

    async def ask(self, event: str, *args: Any) -> Any:
        """Send an event; its acknowledgement."""
        return await self._socket.call(event, args, timeout=PATIENCE)

    async def join(self, **wishes: Any) -> dict[str, Any]:
        """Join, and expect to be let in."""
        answer: dict[str, Any] = await self.ask("join_session", wishes)
        assert answer.pop("ok"), answer
        self.session = answer
        return answer

    async def resume(self, session: dict[str, Any]) -> Any:
        wishes = {name: session[name] for name in ("sessionId", "resumeToken")}
        return await self.ask("join_session", wishes)

    async def reach_model(self) -> None:
        await self.wait("session_status", lambda status: status["status"] == "CONNECTED")

    async def leave(self) -> None:
        """Disconnect as clients do."""
        await self._socket.disconnect()
        await self._http.close()
        # When the gateway closed first, these wait for each other a quarter of a minute.
        engine = self._socket.eio
        loops = [task for task in (engine.read_loop_task, engine.write_loop_task) if task]
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


class Bare(Log):
    """A WebSocket that speaks Engine.IO by hand. It reads only while the test waits for something.

    Answers no ping.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self.socket = await self._http.ws_connect(
            f"{self.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.socket.close()
        await self._http.close()

    async def connect(self) -> None:
        """Enter the namespace ``/``."""
        await self.send("40")
        await self.read(lambda frame: frame.startswith("40"))

    async def send(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            await self.socket.send_bytes(frame)
        else:
            await self.socket.send_str(frame)

    async def read(self, wanted: Callable[[str], bool]) -> str:
        """The next text frame that is wanted; others before it are dropped."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self.socket.receive_str()
                if wanted(frame):
                    return frame

    async def ask(self, number: int, *event: Any) -> Any:
        """Send an event by hand; its acknowledgement."""
        await self.send(f"42{number}{json.dumps(event)}")
        return await self.acknowledged(number)

    async def acknowledged(self, number: int) -> Any:
        frame = await self.read(lambda frame: frame.startswith(f"43{number}["))
        return json.loads(frame.removeprefix(f"43{number}"))[0]

    async def event(self, name: str) -> Any:
        """The payload of the next event of that name."""
        frame = await self.read(lambda frame: frame.startswith(f'42["{name}"'))
        return json.loads(frame.removeprefix("42"))[1]

    async def closed(self) -> int | None:
        """Read until the gateway closes; the close code."""
        async with asyncio.timeout(PATIENCE):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code


class Poll:
    """A polling client by hand, in the namespace ``/``."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.address = f"{url}/socket.io/?EIO=4&transport="

    async def connect(self) -> None:
        async with self.http.get(self.address + "polling") as opened:
            sid = json.loads((await opened.text()).removeprefix("0"))["sid"]
        self.address = self.address.replace("EIO=4", f"EIO=4&sid={sid}")
        await self.send("40")
        assert (await self.poll()).startswith("40")

    async def poll(self) -> str:
        async with self.http.get(self.address + "polling") as answer:
            return await answer.text()

    async def send(self, *packets: str) -> None:
        """Return when all of them have been handled."""
        async with self.http.post(self.address + "polling", data="\x1e".join(packets)) as answer:
            assert answer.status == 200
