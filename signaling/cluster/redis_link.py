"""One gateway's line to Redis: the only importer of its library.

Each gateway listens at a channel of its own. What is sent either reaches it at once or never will:
Redis says how many heard it, and a connection that is lost is told to whoever may have missed
something.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError

from gateway.core.events import ErrorCode, GatewayError
from signaling.cluster.bus import MAX_QUEUED

log = structlog.get_logger(__name__)

PING: Final = 5.0
"""Seconds of silence after which Redis is asked whether it is there, and has to say so."""

PATIENCE: Final = 3.0
"""Seconds that it has to answer."""

RETRY_AFTER: Final = (0.1, 2.0)
"""Seconds until it is tried again: at first, and at most."""

KNOWN_EVERY: Final = 5.0
"""Seconds between two times that a gateway lets Redis know that it lives."""

KNOWN_FOR: Final = 30.0
"""Seconds for which Redis knows it then: one that is not heard of for so long is gone."""

_BATCH: Final = 64
_PREFIX: Final = "talkpath:"
_SECRET: Final = f"{_PREFIX}secret"

_BROKEN = (RedisError, OSError)

_T = TypeVar("_T")


class RedisUnavailable(Exception):
    """Redis cannot be used: one sentence says why."""


@dataclass(slots=True)
class _Message:
    to: str
    data: bytes
    heard: asyncio.Future[int] | None


class RedisLink:
    """:param name: of this gateway."""

    def __init__(self, url: str, name: str) -> None:
        self.is_up = False
        self.secret = b""
        """What all gateways at this Redis know, from :meth:`start` on."""
        self.is_split = False
        """Redis was emptied, and a gateway came first that did not know the secret: there are two.
        """
        self._url, self._name = url, name
        self._take: Callable[[bytes], None] = lambda _: None
        self._redis = Redis.from_url(
            url,
            # By the newer one, the library writes out every message for a log that nobody reads.
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=PATIENCE,
            socket_timeout=PATIENCE,
        )
        self._queue: asyncio.Queue[_Message] = asyncio.Queue(MAX_QUEUED)
        self._broken: list[Callable[[], None]] = []
        self._running: asyncio.Task[None] | None = None
        self._pubsub: PubSub = self._redis.pubsub()
        self._is_unheard = asyncio.Event()

    async def start(self) -> None:
        """:raises RedisUnavailable: it does not answer, or refuses."""
        try:
            pubsub = await self._subscribe()
        except _BROKEN as error:
            await self._disconnect()
            parts = urlsplit(self._url)
            where = f"{parts.scheme}://{parts.hostname or parts.path}"
            raise RedisUnavailable(f"REDIS_URL={where}: {_reason(error)}") from None
        self._running = asyncio.create_task(self._run(pubsub), name="redis-link")
        self._running.add_done_callback(_say_why)

    async def close(self) -> None:
        """What was sent before is on its way then. Who sends something to this gateway meanwhile is
        heard, or learns that nobody hears.
        """
        if self._running is not None:
            if self.is_up:
                with contextlib.suppress(TimeoutError, *_BROKEN):
                    async with asyncio.timeout(PATIENCE):
                        await self._redis.delete(_known(self._name))
                        await self._pubsub.unsubscribe()
                        await self._is_unheard.wait()
                        await self._queue.join()
            self._running.cancel()
            await asyncio.wait([self._running])
            self._drop_queue()
        await self._disconnect()

    async def _disconnect(self) -> None:
        # With TLS, a Redis that is gone fails even to be taken leave of.
        with contextlib.suppress(*_BROKEN):
            await self._redis.aclose()

    @property
    def queued(self) -> int:
        """Messages on their way to Redis."""
        return self._queue.qsize()

    def when_message(self, take: Callable[[bytes], None]) -> None:
        """``take`` is called with every message to this gateway."""
        self._take = take

    def when_broken(self, told: Callable[[], None]) -> None:
        """``told`` is called when messages may have been lost, either way."""
        self._broken.append(told)

    def send(self, to: str, data: bytes, heard: asyncio.Future[int] | None = None) -> None:
        """Send a message to the gateway of that name.

        :param heard: becomes how many heard it.
        :raises GatewayError: ``upstream_unavailable``; so may ``heard``.
        """
        if not self.is_up:
            raise _unavailable()
        try:
            self._queue.put_nowait(_Message(to, data, heard))
        except asyncio.QueueFull:
            raise _unavailable() from None

    async def keep(self, name: str, value: str, seconds: float) -> None:
        """Let all gateways know ``value``, for a while.

        :raises GatewayError: ``upstream_unavailable``.
        """
        await _told(self._redis.set(_PREFIX + name, value, px=max(1, round(1000 * seconds))))

    async def kept(self, name: str) -> str | None:
        """What any of them let the others know, if it is in force.

        :raises GatewayError: ``upstream_unavailable``.
        """
        value = await _told(self._redis.get(_PREFIX + name))
        return value.decode() if isinstance(value, bytes) else None

    async def knows(self, name: str) -> bool:
        """Whether there is a gateway of that name, even if it does not listen just now.

        :raises GatewayError: ``upstream_unavailable``.
        """
        return bool(await _told(self._redis.exists(_known(name))))

    async def names(self) -> set[str]:
        """The gateways that listen now, this one among them.

        :raises GatewayError: ``upstream_unavailable``.
        """
        channels: list[bytes | str] = await _told(self._redis.pubsub_channels(_channel("*")))
        names = (each.decode() if isinstance(each, bytes) else each for each in channels)
        return {name.removeprefix(_channel("")) for name in names}

    # -- the connections

    async def _subscribe(self) -> PubSub:
        """Listen, and know the common secret."""
        self._pubsub = pubsub = self._redis.pubsub()
        try:
            await pubsub.subscribe(_channel(self._name))
            if await pubsub.get_message(timeout=PATIENCE) is None:
                raise TimeoutError("it does not answer")
            await self._be_known()
            self.is_up = True
        finally:
            if not self.is_up:
                await _closed(pubsub)
        return pubsub

    async def _be_known(self) -> None:
        # Whoever comes first says the secret. A Redis that forgot it is told again.
        proposed = self.secret or secrets.token_bytes(32)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_known(self._name), b"", px=round(1000 * KNOWN_FOR))
            pipe.set(_SECRET, proposed, nx=True)
            pipe.get(_SECRET)
            results = await pipe.execute(raise_on_error=False)
        for each in results:
            # One that is full passes messages on all the same.
            if isinstance(each, OutOfMemoryError) and self.secret:
                log.warning("Redis is full", error=_reason(each))
            elif isinstance(each, Exception):
                raise each
        agreed: bytes | None = results[-1]
        self.secret = self.secret or agreed or b""
        is_split = agreed not in (self.secret, None)
        if is_split and not self.is_split:
            log.warning("Redis was emptied, and there is another secret in it now")
        self.is_split = is_split

    async def _stay_known(self) -> None:
        while True:
            await asyncio.sleep(KNOWN_EVERY)
            await self._be_known()
            _heed_cancellation()

    async def _run(self, pubsub: PubSub) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write(), name="redis-link-writer")
                    tasks.create_task(self._stay_known(), name="redis-link-known")
                    await self._read(pubsub)
            except* _BROKEN as broken:
                log.warning("lost Redis", error=_reason(broken))
            finally:
                self.is_up = False
                await _closed(pubsub)
            self._drop_queue()
            for told in self._broken:
                # In a turn of its own: whatever goes wrong in it does not keep us from coming back.
                asyncio.get_running_loop().call_soon(told)
            with contextlib.suppress(*_BROKEN):
                await self._redis.connection_pool.disconnect()
            pubsub = await self._subscribe_again()

    async def _subscribe_again(self) -> PubSub:
        wait, longest = RETRY_AFTER
        while True:
            with contextlib.suppress(*_BROKEN):
                pubsub = await self._subscribe()
                log.info("Redis is there again")
                return pubsub
            _heed_cancellation()
            await asyncio.sleep(wait)
            wait = min(2 * wait, longest)

    async def _read(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            _heed_cancellation()
            message = await pubsub.get_message(timeout=PING)
            if message is None:
                if asked:
                    raise TimeoutError("it does not answer")
                await pubsub.ping()
            elif message["type"] == "message":
                self._take(message["data"])
            elif message["type"] == "unsubscribe":
                self._is_unheard.set()
            asked = message is None

    async def _write(self) -> None:
        while True:
            _heed_cancellation()
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            counts: list[int | None] = [None] * len(batch)
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for message in batch:
                        pipe.publish(_channel(message.to), message.data)
                    counts = await pipe.execute()
            finally:
                for message, count in zip(batch, counts, strict=True):
                    self._settle(message, count)

    def _settle(self, message: _Message, count: int | None) -> None:
        """A message was heard by ``count``; None: it is lost."""
        self._queue.task_done()
        if message.heard is not None and not message.heard.done():
            if count is None:
                message.heard.set_exception(_unavailable())
            else:
                message.heard.set_result(count)

    def _drop_queue(self) -> None:
        while not self._queue.empty():
            self._settle(self._queue.get_nowait(), None)


def _heed_cancellation() -> None:
    # Until Python 3.12, asyncio.wait_for may swallow one, and the library waits with it.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _told(answer: Awaitable[_T]) -> _T:
    """What Redis answers. :raises GatewayError: ``upstream_unavailable``."""
    try:
        told = await answer
    except _BROKEN:
        raise _unavailable() from None
    _heed_cancellation()
    return told


async def _closed(pubsub: PubSub) -> None:
    with contextlib.suppress(*_BROKEN):
        await pubsub.aclose()  # type: ignore[no-untyped-call]


def _say_why(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("no longer connected to Redis", exc_info=error)


def _known(name: str) -> str:
    return f"{_PREFIX}known:{name}"


def _channel(name: str) -> str:
    return f"{_PREFIX}gateway:{name}"


def _unavailable() -> GatewayError:
    return GatewayError(ErrorCode.UPSTREAM_UNAVAILABLE, "the gateways' Redis cannot be reached")


def _reason(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    return " ".join(str(error).split()) or type(error).__name__
