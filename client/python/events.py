"""Events from the gateway: a bounded log that any number of readers follow at their own pace."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from client.python.errors import ClientError

Callback = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Event:
    """`name` and `args` as sent; `at`: monotonic seconds of its arrival."""

    name: str
    args: tuple[Any, ...]
    at: float


class EventLog:
    """The last `keep` events, in order, and who is told of new ones."""

    def __init__(self, keep: int = 2000) -> None:
        self._events: deque[Event] = deque(maxlen=keep)
        self._count = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._callbacks: dict[str, list[Callback]] = {}

    def on(self, event: str, callback: Callback) -> None:
        """Call `callback(*args)` for each `event` to come."""
        self._callbacks.setdefault(event, []).append(callback)

    def append(self, name: str, args: tuple[Any, ...]) -> None:
        self._events.append(Event(name, args, time.monotonic()))
        self._count += 1
        self._wake()
        for callback in tuple(self._callbacks.get(name, ())):
            callback(*args)

    def close(self) -> None:
        """No more will come: readers end once they have read what there is."""
        self._closed = True
        self._wake()

    def reopen(self) -> None:
        """More will come after all."""
        self._closed = False

    def follow(self) -> "EventReader":
        """Every event from now on."""
        return EventReader(self, self._count)

    async def wait_for(
        self,
        name: str,
        predicate: Callable[..., bool] | None,
        within: float,
        since: float | None,
    ) -> Event:
        """See `TalkpathClient.wait_for`."""
        reader = self.follow() if since is None else EventReader(self, 0)
        try:
            async with asyncio.timeout(within):
                async for event in reader:
                    if (
                        event.name == name
                        and (since is None or event.at >= since)
                        and (predicate is None or predicate(*event.args))
                    ):
                        return event
        except TimeoutError:
            raise ClientError("timeout", f"no such {name} event within {within:g} s") from None
        raise ClientError("closed", f"the connection ended before such a {name} event")

    async def read(self, index: int) -> tuple[int, Event] | None:
        """The event of number `index`, or the oldest kept after it; None if there will be none."""
        while index >= self._count:
            if self._closed:
                return None
            await self._changed.wait()
        oldest = self._count - len(self._events)
        index = max(index, oldest)
        return index, self._events[index - oldest]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class EventReader(AsyncIterator[Event]):
    """Iterates over a log. `missed`: events that were dropped before this reader came to them."""

    def __init__(self, log: EventLog, index: int) -> None:
        self.missed = 0
        self._log = log
        self._index = index

    async def __anext__(self) -> Event:
        found = await self._log.read(self._index)
        if found is None:
            raise StopAsyncIteration
        index, event = found
        self.missed += index - self._index
        self._index = index + 1
        return event
