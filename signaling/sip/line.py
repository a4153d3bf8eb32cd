"""What an agent can do with a phone's call, by its signaling: pass the caller on, press keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.agents.call_control import NotPossible, TransferRefused
from gateway.session_call import CallLine
from signaling.sip.call import Call
from signaling.sip.call_table import State
from signaling.sip.message import Response
from signaling.sip.transfer import refer_to

KEY_MS: Final = 160
"""How long a key is pressed, as we say."""


class PhoneLine(CallLine):
    """One call, as its session has it.

    :param settle: called when there may be new deadlines.
    :param person: whom callers get who want a person: a number or SIP address; None: nobody.
    """

    def __init__(self, call: Call, settle: Callable[[], None], person: str | None = None) -> None:
        self._call = call
        self._person = person
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._keys = asyncio.Lock()

    @property
    def prefers_signaling(self) -> bool:
        """A browser tells its page nothing of keys in the media."""
        return self._call.dialog.flow.transport in ("ws", "wss") and self._takes("info")

    def _takes(self, method: str) -> bool:
        """Whether the phone takes requests of a method; one that does not say may do."""
        allowed = self._call.dialog.peer_allows
        return method in allowed or (not allowed and method != "info")

    async def transfer(self, target: str | None) -> None:
        call = self._call
        target = self._person if target is None else target
        if target is None:
            raise NotPossible("there is nobody to pass callers on to")
        try:
            uri = refer_to(target, call.dialog.remote_domain)
        except ValueError as error:
            raise NotPossible(str(error)) from None
        if call.transfer is not None and not call.transfer.is_over:
            raise NotPossible("the caller is being passed on already")
        if call.state is not State.ESTABLISHED:
            raise NotPossible("a transfer is not possible now")
        if not self._takes("refer"):
            raise NotPossible("the caller's phone takes no transfers")
        outcome: asyncio.Future[str] = self._loop.create_future()
        call.pass_on(uri, self._loop.time(), lambda why: _resolve(outcome, why))
        self._settle()
        if why := await outcome:
            raise TransferRefused(why)

    async def press(self, keys: str) -> None:
        async with self._keys:
            for key in keys:
                await self._press(key)

    async def _press(self, key: str) -> None:
        if self._call.state is State.ENDED or not self._takes("info"):
            raise NotPossible("the other side takes no keys")
        answer: asyncio.Future[Response | None] = self._loop.create_future()
        self._call.ask(
            "INFO",
            self._loop.time(),
            lambda response, _: _resolve(answer, response),
            body=f"Signal={key}\r\nDuration={KEY_MS}\r\n",
            kind="application/dtmf-relay",
        )
        self._settle()
        response = await answer
        if response is None or response.code >= 300:
            raise NotPossible("the other side takes no keys")


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    """Who waited may have been cancelled."""
    if not future.done():
        future.set_result(value)
