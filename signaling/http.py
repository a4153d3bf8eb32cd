"""The plain HTTP routes: the pages and their files, health, readiness; and what every response
carries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.core.events import ErrorCode
from gateway.sessions import Sessions
from signaling.http_errors import Handler, error_body
from signaling.origins import Origins

WEB_ROOT = Path(str(files("client"))).resolve() / "web"

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss: http: https:; media-src 'self' blob:; "
        "style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

_HSTS = "max-age=31536000"

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    # The wildcard is for what else OpenAI's clients send of themselves; it is not one for the
    # first (Fetch standard §3.3.3).
    "Access-Control-Allow-Headers": (
        "authorization, content-type, if-match, x-client-request-id, x-openai-agents-sdk, *"
    ),
    "Access-Control-Max-Age": "600",
}

_EXPOSED = "Location, ETag, Link, Retry-After, x-request-id"

_SOCKET_IO = "/socket.io/"


class HttpDoor:
    """:param health: what ``/health`` tells."""

    def __init__(self, sessions: Sessions, health: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._sessions = sessions
        self._report = health

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self._page),
            web.get("/test", self._page),
            web.get("/softphone", self._softphone),
            web.get("/dashboard", self._dashboard),
            web.get("/health", self._health),
            web.get("/ready", self._ready),
            web.get("/client/{path:.+}", self._file),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB_ROOT / "index.html", headers=PAGE_HEADERS)

    async def _softphone(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB_ROOT / "softphone.html", headers=PAGE_HEADERS)

    async def _dashboard(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB_ROOT / "dashboard.html", headers=PAGE_HEADERS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        try:
            path = (WEB_ROOT / request.match_info["path"]).resolve()
            if path.is_relative_to(WEB_ROOT) and path.is_file():
                return web.FileResponse(path, headers=PAGE_HEADERS)
        except (OSError, ValueError):
            pass  # no name that a file can have
        raise web.HTTPNotFound

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response(await self._report())

    async def _ready(self, request: web.Request) -> web.Response:
        ready = not self._sessions.draining
        return web.json_response({"ready": ready}, status=200 if ready else 503)


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """What every response says, an ``on_response_prepare`` signal: it is what it calls itself, and
    once there is TLS there is nothing else (RFC 6797).
    """
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.secure:
        response.headers["Strict-Transport-Security"] = _HSTS


def cors(origins: Origins) -> Middleware:
    """A middleware that lets pages of admitted origins use the HTTP routes (Fetch standard, CORS
    protocol). Others may read no answer, and cause nothing.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_SOCKET_IO):
            return await handler(request)
        origin = request.headers.get("Origin")
        admitted = origins.admit(origin, request.headers.get("Host"))
        if not admitted and request.method not in ("GET", "HEAD"):
            code, message = ErrorCode.UNAUTHORIZED.value, "this origin is not in ALLOWED_ORIGINS"
            return error_body(HTTPStatus.FORBIDDEN, code, message, {"Vary": "Origin"})
        preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        response = web.Response(status=204) if preflight else await handler(request)
        response.headers["Vary"] = "Origin"
        if origin is not None and admitted:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            if preflight:
                response.headers.update(_PREFLIGHT_HEADERS)
        return response

    return middleware
