"""The Socket.IO connection to a gateway: acknowledged requests out, events in."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import socketio

from client.python.errors import ClientError

OnEvent = Callable[[str, tuple[Any, ...]], None]


class Connection:
    """One connection, opened once and closed once; it does not reconnect by itself.

    `on_event(name, args)` is told of every event, `on_end()` of the end, whoever brought it about.
    """

    def __init__(self, url: str, on_event: OnEvent, on_end: Callable[[], None]) -> None:
        self._url = url
        self._on_end = on_end
        self._http: aiohttp.ClientSession | None = None
        self._socket: socketio.AsyncClient | None = None
        self._on_event = on_event
        self._refusal: Any = None
        self._waiting: set[asyncio.Future[Any]] = set()
        # python-socketio asks that emits do not overlap: one of binary data is several packets.
        self._emitting = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._socket is not None and bool(self._socket.connected)

    async def open(self, token: str | None, within: float) -> None:
        """Raises `ClientError`: `unreachable`, or the gateway's own code if it refuses."""
        if self._socket is not None:
            raise ClientError("closed", "this client has been connected before; make a new one")
        self._http = aiohttp.ClientSession()
        self._socket = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, http_session=self._http
        )
        self._socket.on("*", self._event)
        self._socket.on("connect_error", self._refused)
        self._socket.on("disconnect", self._ended)
        try:
            async with asyncio.timeout(within):
                await self._socket.connect(
                    self._url,
                    transports=["websocket"],
                    auth=None if token is None else {"token": token},
                    wait_timeout=within,
                )
        except (socketio.exceptions.ConnectionError, aiohttp.ClientError, TimeoutError) as exc:
            await self.close()
            raise self._connect_failure() from exc

    async def request(self, event: str, args: tuple[Any, ...], within: float) -> dict[str, Any]:
        """Send `event` and await its acknowledgement, without the `ok`.

        Raises `ClientError`: the gateway's code, `timeout`, or `closed`.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def acknowledged(*values: Any) -> None:
            if not answer.done():
                answer.set_result(values[0] if values else None)

        self._waiting.add(answer)
        try:
            async with asyncio.timeout(within):
                await self._emit(event, args, acknowledged)
                return _accepted(event, await answer)
        except TimeoutError:
            raise ClientError("timeout", f"no answer to {event} within {within:g} s") from None
        finally:
            self._waiting.discard(answer)

    async def close(self) -> None:
        """Disconnect; nothing of the connection is left. May be called again."""
        if self._socket is not None:
            await self._socket.disconnect()
        if self._http is not None:
            await self._http.close()
        self._ended()

    async def _emit(self, event: str, args: tuple[Any, ...], callback: Callable[..., None]) -> None:
        if self._socket is None or not self.connected:
            raise _closed(event)
        async with self._emitting:
            try:
                await self._socket.emit(event, args, callback=callback)
            except socketio.exceptions.SocketIOError as exc:
                raise _closed(event) from exc

    def _event(self, name: str, *args: Any) -> None:
        self._on_event(name, args)

    def _refused(self, data: Any = None) -> None:
        self._refusal = data

    def _ended(self, _reason: Any = None) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(ClientError("closed", "the gateway ended the connection"))
        self._on_end()

    def _connect_failure(self) -> ClientError:
        """Whether nobody answered, or a gateway that would not have us (CONNECT_ERROR)."""
        if not isinstance(self._refusal, Mapping):
            return ClientError("unreachable", f"no gateway answers at {self._url}")
        detail = self._refusal.get("data")
        if isinstance(detail, Mapping) and "code" in detail:
            return ClientError(str(detail["code"]), str(detail.get("message", "refused")))
        return ClientError("unauthorized", str(self._refusal.get("message", "refused")))


def _accepted(event: str, answer: Any) -> dict[str, Any]:
    """The acknowledgement's fields; `ClientError` if it says that the request failed."""
    if not isinstance(answer, Mapping):
        raise ClientError("internal", f"the gateway acknowledged {event} without a result")
    if answer.get("ok"):
        return {key: value for key, value in answer.items() if key != "ok"}
    error = answer.get("error")
    detail = error if isinstance(error, Mapping) else {}
    raise ClientError(
        str(detail.get("code", "internal")), str(detail.get("message", f"{event} failed"))
    )


def _closed(event: str) -> ClientError:
    return ClientError("closed", f"cannot send {event}: not connected")
