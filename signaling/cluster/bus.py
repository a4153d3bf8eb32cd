"""Questions and answers between gateways."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import structlog

from gateway.core.events import ErrorCode, GatewayError
from signaling.cluster.message import pack, unpack
from signaling.cluster.place import Place

log = structlog.get_logger(__name__)

ANSWER_TIMEOUT: Final = 12.0
"""Seconds that another gateway has to answer: longer than a session takes to end."""

LOOK_UP: Final = 0.5
"""Seconds that Redis has then to say whether there is such a gateway."""

WARN_EVERY: Final = 60.0
"""Seconds between two lines in the log about foreign messages."""

MAX_QUEUED: Final = 8_192
"""Messages on their way to Redis."""

MAX_ASKED: Final = 1_024
"""Questions of other gateways that are being answered."""

MAX_HEARD_OF: Final = 1_024
"""Gateways of which it is remembered what they said last; the longest silent is forgotten."""

_SIGNATURE: Final = hashlib.sha256().digest_size

_UNREADABLE = (LookupError, TypeError, ValueError)

Body = Mapping[str, Any]


def not_serving() -> GatewayError:
    """The gateway of the call takes no questions: it starts, or it stops."""
    return _unavailable("the gateway that has the call is stopping")


class Gone(Exception):
    """There is no such gateway, any more or at all."""


class Link(Protocol):
    """Carries messages; see :class:`signaling.cluster.redis_link.RedisLink`."""

    @property
    def queued(self) -> int: ...

    def send(self, to: str, data: bytes, heard: asyncio.Future[int] | None = None) -> None: ...

    async def knows(self, name: str) -> bool: ...

    async def names(self) -> set[str]: ...

    def when_message(self, take: Callable[[bytes], None]) -> None: ...

    def when_broken(self, told: Callable[[], None]) -> None: ...


class Bus:
    """:param secret: what only the gateways know. Messages are signed with it: others may be able
    to write to Redis.
    """

    def __init__(self, link: Link, place: Place, secret: bytes) -> None:
        self.place = place
        self._link, self._secret = link, secret
        self._loop = asyncio.get_running_loop()
        self._asks: dict[str, Callable[[str, Body], Awaitable[Body]]] = {}
        self._tells: dict[str, Callable[[str, Body], None]] = {}
        self._questions: dict[int, asyncio.Future[Body]] = {}
        self._numbers = itertools.count(1)
        self._heard_of: dict[str, int] = {}
        """By gateway: the number of its last message. None is taken twice."""
        self._answering: dict[asyncio.Task[None], tuple[str, int]] = {}
        """Who asked each question, and its number there."""
        self._warns_from = 0.0
        self._is_closing = False
        link.when_message(self._take)
        link.when_broken(self._fail_all)

    async def close(self) -> None:
        """Who still asks is told that nobody answers."""
        self._is_closing = True
        for task, (place, number) in self._answering.items():
            task.cancel()
            self._reply(place, {"answer": number, "refused": _refusal(not_serving())})
        if self._answering:
            await asyncio.wait(self._answering)
        self._fail_all()

    @property
    def queued(self) -> int:
        """Messages that have yet to be sent."""
        return self._link.queued

    async def others(self) -> set[str]:
        """The names of all other gateways.

        :raises GatewayError: ``upstream_unavailable``.
        """
        return await self._link.names() - {self.place.name}

    def when_broken(self, told: Callable[[], None]) -> None:
        """``told`` is called when messages may have been lost, either way."""
        self._link.when_broken(told)

    def on_ask(self, what: str, answer: Callable[[str, Body], Awaitable[Body]]) -> None:
        """``answer`` takes the name of the gateway that asks for ``what``, and its message."""
        self._asks[what] = answer

    def on_tell(self, what: str, take: Callable[[str, Body], None]) -> None:
        """``take`` does the same for what wants no answer. Those of one gateway come in order."""
        self._tells[what] = take

    async def ask(self, place: str, what: str, body: Body, timeout: float = ANSWER_TIMEOUT) -> Body:
        """What another gateway answers.

        :raises Gone: there is no gateway ``place``.
        :raises GatewayError: what it refused with; ``upstream_unavailable``: Redis is not there, or
            the other gateway does not hear or answer; ``bad_request``: no message can hold
            ``body``.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Body] = self._loop.create_future()
        heard: asyncio.Future[int] = self._loop.create_future()
        self._questions[number] = answer
        try:
            async with asyncio.timeout(timeout):
                self._send(place, {"what": what, "ask": number, "body": body}, heard)
                if await heard == 0:
                    raise await self._why_silent(place)
                return await answer
        except TimeoutError:
            # Of a machine that was cut off, Redis thinks for minutes that it hears.
            raise await self._why_silent(place) from None
        finally:
            del self._questions[number]
            for future in (answer, heard):
                # What nobody waits for any more is nobody's error.
                if not future.cancel() and not future.cancelled():
                    future.exception()

    async def _why_silent(self, place: str) -> Exception:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_UP):
                if not await self._link.knows(place):
                    return Gone(place)
        return _unavailable("the gateway that has the call does not answer")

    def tell(self, place: str, what: str, body: Body) -> None:
        """Let another gateway know, if it is there.

        :raises GatewayError: ``upstream_unavailable``, ``bad_request``: as :meth:`ask`.
        """
        self._send(place, {"what": what, "body": body})

    def _send(
        self, place: str, message: dict[str, Any], heard: asyncio.Future[int] | None = None
    ) -> None:
        envelope = {**message, "from": self.place.name, "number": next(self._numbers)}
        try:
            data = pack(envelope)
        except ValueError as error:
            raise GatewayError(ErrorCode.BAD_REQUEST, str(error)) from None
        self._link.send(place, self._signature(place, data) + data, heard)

    def _signature(self, place: str, data: bytes) -> bytes:
        signature = hmac.new(self._secret, place.encode(), "sha256")
        signature.update(data)
        return signature.digest()

    def _take(self, signed: bytes) -> None:
        data = signed[_SIGNATURE:]
        if not hmac.compare_digest(self._signature(self.place.name, data), signed[:_SIGNATURE]):
            if self._loop.time() >= self._warns_from:
                self._warns_from = self._loop.time() + WARN_EVERY
                log.warning("a message in Redis is not signed by a gateway with this AUTH_SECRET")
            return
        try:
            message = unpack(data)
        except ValueError as error:
            log.warning("a message of another gateway cannot be read", error=str(error))
            return
        match message:
            case {"from": str(place), "number": int(number)}:
                last = self._heard_of.pop(place, 0)
                self._heard_of[place] = max(last, number)
                if len(self._heard_of) > MAX_HEARD_OF:
                    del self._heard_of[next(iter(self._heard_of))]
                if number > last:
                    self._dispatch(place, message)

    def _dispatch(self, place: str, message: Body) -> None:
        match message:
            case {"answer": int(number)}:
                answer = self._questions.get(number)
                if answer is not None and not answer.done():
                    _settle(answer, message)
            case {"what": str(what), "ask": int(number), "body": dict(body)} if what in self._asks:
                self._begin_answer(place, number, what, body)
            case {"what": str(what), "body": dict(body)} if what in self._tells:
                # A question's answer begins in a turn of its own. What was told after it may be to
                # undo it, and has to wait for its.
                self._loop.call_soon(self._take_told, place, what, body)

    def _take_told(self, place: str, what: str, body: Body) -> None:
        try:
            self._tells[what](place, body)
        except _UNREADABLE:
            log.exception("what another gateway tells makes no sense", what=what)

    def _begin_answer(self, place: str, number: int, what: str, body: Body) -> None:
        if self._is_closing or len(self._answering) >= MAX_ASKED:
            busy = GatewayError(ErrorCode.CAPACITY, "the gateway is asked too much at once")
            refused = not_serving() if self._is_closing else busy
            self._reply(place, {"answer": number, "refused": _refusal(refused)})
            return
        answering = self._answer(place, number, what, body)
        task = asyncio.create_task(answering, name=f"cluster-{what}")
        self._answering[task] = place, number
        task.add_done_callback(self._answered)

    async def _answer(self, place: str, number: int, what: str, body: Body) -> None:
        answer: dict[str, Any] = {"answer": number}
        try:
            answer["body"] = await self._asks[what](place, body)
        except GatewayError as error:
            answer["refused"] = _refusal(error)
        self._reply(place, answer)

    def _reply(self, place: str, answer: dict[str, Any]) -> None:
        with contextlib.suppress(GatewayError):
            self._send(place, answer)

    def _answered(self, task: asyncio.Task[None]) -> None:
        del self._answering[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("could not answer another gateway", task=task.get_name(), exc_info=error)

    def _fail_all(self) -> None:
        """Nobody answers any more."""
        for answer in self._questions.values():
            if not answer.done():
                answer.set_exception(_unavailable("the gateways' Redis cannot be reached"))


def _refusal(error: GatewayError) -> list[str]:
    return [error.code.value, error.message]


def _settle(answer: asyncio.Future[Body], message: Body) -> None:
    match message:
        case {"refused": [str(code), str(text)]}:
            answer.set_exception(GatewayError(_code(code), text))
        case {"body": dict(body)}:
            answer.set_result(body)


def _unavailable(message: str) -> GatewayError:
    return GatewayError(ErrorCode.UPSTREAM_UNAVAILABLE, message)


def _code(value: str) -> ErrorCode:
    try:
        return ErrorCode(value)
    except ValueError:  # Of a newer gateway, which has more of them.
        return ErrorCode.INTERNAL
