"""Requests by HTTP for a call that is at another gateway: passed on to there.

That gateway answers them as if they had come to itself, over a Unix socket in a folder that only it
can open.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict

from gateway.core.events import GatewayError
from signaling.auth import CALLER
from signaling.bodies import read_body
from signaling.cluster.bus import Body, Bus, Gone
from signaling.cluster.relayed import relayed, relayed_caller
from signaling.forwarded import remote_of
from signaling.http_errors import Handler, not_found, unavailable

MAX_BODY: Final = 1 << 20
"""Bytes of a request; no route that is passed on takes more."""

_CALL: Final = "/v1/realtime/calls/{call_id}"
_SESSION: Final = "/api/sessions/{id}"

RELAYED: Final = frozenset(
    {
        *(f"{_CALL}/{action}" for action in ("hangup", "accept", "reject", "refer")),
        "/whip/{call_id}",
        "/api/calls/{call_id}",
        *(_SESSION, f"{_SESSION}/hangup", f"{_SESSION}/text", f"{_SESSION}/listen"),
        f"{_SESSION}/listen/{{listener}}",
    }
)
"""Routes with the id of a call in their path. A recording is none: it is on a disk, and outlives
the process that made it.
"""

_PASSED_ON: Final = ("Content-Type", "If-Match", "Accept")
_NOT_BACK: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)


class HttpRelay:
    """Both ends of it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        # Of a mode that lets nobody else in.
        self._folder = Path(tempfile.mkdtemp(prefix="talkpath-"))
        self._http: aiohttp.ClientSession | None = None
        bus.on_ask("http", self._perform)

    async def start(self, runner: web.AppRunner) -> None:
        """Take requests of other gateways, for the application of ``runner``."""
        path = str(self._folder / "http")
        await web.UnixSite(runner, path).start()
        self._http = aiohttp.ClientSession(
            "http://gateway", connector=aiohttp.UnixConnector(path), auto_decompress=False
        )

    @property
    def own(self) -> aiohttp.ClientSession:
        """Reaches this gateway itself."""
        assert self._http is not None
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def middleware(self) -> Middleware:
        """Passes on what is for a call elsewhere. Behind the guard."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            place = self._elsewhere(request)
            if place is None or relayed_caller(request) is not None:
                return await handler(request)
            return await self._pass_on(request, place)

        return middleware

    def _elsewhere(self, request: web.Request) -> str | None:
        found = request.match_info
        path = found.route.resource.canonical if found.route.resource is not None else ""
        if path not in RELAYED:
            return None
        return self._bus.place.elsewhere(_id_of(request))

    async def _pass_on(self, request: web.Request, place: str) -> web.Response:
        body = await read_body(request, MAX_BODY, "body")
        asked = {
            "method": request.method,
            "path": request.path_qs,
            "headers": {n: request.headers[n] for n in _PASSED_ON if n in request.headers}
            | relayed(request[CALLER], remote_of(request)),
            "content": body,
        }
        try:
            answer = await self._bus.ask(place, "http", asked)
        except Gone:
            raise not_found(f"there is no call {_id_of(request)[:64]!r}") from None
        except GatewayError as error:
            raise unavailable(error) from None
        headers = CIMultiDict((str(name), str(value)) for name, value in answer["headers"])
        return web.Response(status=answer["status"], body=answer["content"], headers=headers)

    async def _perform(self, place: str, asked: Body) -> Body:
        headers: Mapping[str, Any] = asked["headers"]
        async with self.own.request(
            asked["method"],
            asked["path"],
            headers=dict(headers),
            data=asked["content"] or None,
            skip_auto_headers=("Content-Type",),
            allow_redirects=False,
        ) as answer:
            back = [(n, v) for n, v in answer.headers.items() if n.lower() not in _NOT_BACK]
            content = await answer.read()
            return {"status": answer.status, "headers": back, "content": content}


def _id_of(request: web.Request) -> str:
    ids = request.match_info
    return ids.get("call_id") or ids.get("id") or ""
