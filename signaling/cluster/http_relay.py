"""Requests by HTTP for a call that is at another gateway: passed on to there.

That gateway answers them as if they had come to itself, over a Unix socket in a folder that only it
can open.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict

from gateway.core.events import GatewayError
from signaling.auth import CALLER
from signaling.bodies import read_body
from signaling.cluster.bus import ANSWER_TIMEOUT, Body, Bus, Gone, not_serving
from signaling.cluster.relayed import relayed, relayed_caller
from signaling.forwarded import remote_of
from signaling.http_errors import Handler, not_found

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

LIST: Final = "/api/sessions"
"""The one list that is of all gateways together."""

LIST_TIMEOUT: Final = 2.0
"""Seconds that each of them has to tell its part."""

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
        # A WebSocket keeps its connection for as long as its call takes.
        connector = aiohttp.UnixConnector(path, limit=0)
        self._http = aiohttp.ClientSession(
            "http://gateway", connector=connector, auto_decompress=False
        )

    @property
    def own(self) -> aiohttp.ClientSession:
        """Reaches this gateway itself. :raises GatewayError: it does not serve yet."""
        if self._http is None:
            raise not_serving()
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
            if relayed_caller(request) is not None:
                return await handler(request)
            if request.path == LIST and request.method == "GET":
                return await self._list(request, await handler(request))
            place = self._elsewhere(request)
            return await (handler(request) if place is None else self._pass_on(request, place))

        return middleware

    def _elsewhere(self, request: web.Request) -> str | None:
        found = request.match_info
        path = found.route.resource.canonical if found.route.resource is not None else ""
        if path not in RELAYED or CALLER not in request:
            return None  # `OPTIONS` is anybody's.
        return self._bus.place.elsewhere(_id_of(request))

    async def _list(self, request: web.Request, own: web.StreamResponse) -> web.StreamResponse:
        """All gateways' sessions, the longest first; ``silent``: who did not tell its own."""
        if not isinstance(own, web.Response) or own.status != HTTPStatus.OK:
            return own
        sessions: list[dict[str, Any]] = json.loads(own.text or "")["sessions"]
        try:
            others = sorted(await self._bus.others())
        except GatewayError:
            own.text = json.dumps({"sessions": sessions, "silent": None})
            return own
        asked = _asked(request, b"")
        told = await asyncio.gather(*(self._part(place, asked) for place in others))
        sessions += [each for part in told for each in part or ()]
        sessions.sort(key=lambda each: int(each["startedAt"]))
        silent = [place for place, part in zip(others, told, strict=True) if part is None]
        own.text = json.dumps({"sessions": sessions, "silent": silent})
        return own

    async def _part(self, place: str, asked: Body) -> list[dict[str, Any]] | None:
        """None: it does not tell."""
        try:
            answer = await self._bus.ask(place, "http", asked, LIST_TIMEOUT)
            sessions: list[dict[str, Any]] = json.loads(answer["content"])["sessions"]
        except (Gone, GatewayError, ValueError, LookupError):
            return None
        return sessions

    async def _pass_on(self, request: web.Request, place: str) -> web.Response:
        asked = _asked(request, await read_body(request, MAX_BODY, "body"))
        try:
            answer = await self._bus.ask(place, "http", asked)
        except Gone:
            raise not_found(f"there is no call {_id_of(request)[:64]!r}") from None
        headers = CIMultiDict((str(name), str(value)) for name, value in answer["headers"])
        return web.Response(status=answer["status"], body=answer["content"], headers=headers)

    async def _perform(self, place: str, asked: Body) -> Body:
        headers: Mapping[str, Any] = asked["headers"]
        try:
            async with self.own.request(
                asked["method"],
                asked["path"],
                headers=dict(headers),
                data=asked["content"] or None,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(ANSWER_TIMEOUT),
            ) as answer:
                back = [(n, v) for n, v in answer.headers.items() if n.lower() not in _NOT_BACK]
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            raise not_serving() from None
        return {"status": answer.status, "headers": back, "content": content}


def _asked(request: web.Request, content: bytes) -> dict[str, Any]:
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    return {
        "method": request.method,
        "path": request.path_qs,
        "headers": headers | relayed(request[CALLER], remote_of(request)),
        "content": content,
    }


def _id_of(request: web.Request) -> str:
    ids = request.match_info
    return ids.get("call_id") or ids.get("id") or ""
