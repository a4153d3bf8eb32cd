"""How a caller reaches the gateway: an SDP offer by HTTP, or by Socket.IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import aiohttp

from client.python.bench.errors import BenchError, Refused
from client.python.connection import Connection
from client.python.errors import ClientError

_ANSWER_SECONDS = 20.0
_NO_ANSWER = ("unreachable", "timeout", "closed")
"""Codes of the client's own: the gateway refused nothing."""


class Door(Protocol):
    """One call's way in."""

    async def answer(self, offer: str) -> str:
        """The gateway's answer to an SDP offer. Raises `BenchError`."""

    async def close(self) -> None:
        """The call is over, and the gateway is told. Raises `BenchError`."""

    async def drop(self) -> None:
        """The client is gone, without a word about its call."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the gateway is, and which of its doors is used. `kind`: `http` or `socketio`."""

    url: str
    kind: str = "http"
    offer_path: str = "/v1/realtime/calls"
    token: str | None = None

    def open(self, call: int, http: aiohttp.ClientSession) -> Door:
        """The door of call number `call`."""
        if self.kind == "socketio":
            return _SocketIoDoor(self, call)
        return _HttpDoor(self, call, http)

    def offer_url(self, call: int) -> str:
        """`?model=call-N` tells the model's side which call it is; `{call}` in the path does as
        well."""
        target = urljoin(self.url, self.offer_path)
        if "{call}" in target:
            return target.replace("{call}", str(call))
        parts = urlsplit(target)
        query = "&".join(filter(None, (parts.query, urlencode({"model": f"call-{call}"}))))
        return urlunsplit(parts._replace(query=query))


class _HttpDoor:
    def __init__(self, doors: Doors, call: int, http: aiohttp.ClientSession) -> None:
        self._url = doors.offer_url(call)
        self._http = http
        self._headers = {"Content-Type": "application/sdp"}
        if doors.token:
            self._headers["Authorization"] = f"Bearer {doors.token}"

    async def answer(self, offer: str) -> str:
        limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with self._http.post(
                self._url, data=offer.encode(), headers=self._headers, timeout=limit
            ) as response:
                body = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BenchError(f"no answer from {self._url} ({type(error).__name__})") from error
        if response.status not in (200, 201):
            text = f"{self._url} answers HTTP {response.status}: {body[:200]}"
            raise Refused(str(response.status), text)
        return body

    async def close(self) -> None:
        """Nothing: the call ends with its media path."""

    async def drop(self) -> None:
        """Nothing: there is no connection to lose."""


class _SocketIoDoor:
    def __init__(self, doors: Doors, call: int) -> None:
        self._connection = Connection(doors.url, lambda name, args: None, lambda: None)
        self._token = doors.token
        self._user = f"call-{call}"

    async def answer(self, offer: str) -> str:
        try:
            await self._connection.open(self._token, _ANSWER_SECONDS)
            join = {"userId": self._user}
            await self._connection.request("join_session", (join,), _ANSWER_SECONDS)
            described = {"type": "offer", "sdp": offer}
            answer = await self._connection.request("webrtc_offer", (described,), _ANSWER_SECONDS)
        except ClientError as error:
            if error.code in _NO_ANSWER:
                raise BenchError(str(error)) from error
            raise Refused(error.code, str(error)) from error
        return str(answer["sdp"])

    async def close(self) -> None:
        if self._connection.connected:
            try:
                await self._connection.request("disconnect_session", (), _ANSWER_SECONDS)
            except ClientError as error:
                raise BenchError(f"the call could not be ended: {error}") from error
        await self.drop()

    async def drop(self) -> None:
        await self._connection.close()
