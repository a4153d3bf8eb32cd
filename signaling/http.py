"""The plain HTTP routes: the page and its files, health, readiness; and what every response
carries.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from gateway.sessions import Sessions
from signaling.origins import Origins

WEB_ROOT = Path(str(files("client"))) / "web"

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

_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, x-openai-agents-sdk",
    "Access-Control-Expose-Headers": "Location",
    "Access-Control-Max-Age": "600",
}

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpDoor:
    """:param model_url: shown in ``/health``, without its query and credentials."""

    def __init__(self, sessions: Sessions, model_url: str) -> None:
        self._sessions = sessions
        self._model_url = urlunsplit(urlsplit(model_url)._replace(query="", fragment=""))
        self._started = time.monotonic()

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self._page),
            web.get("/test", self._page),
            web.get("/health", self._health),
            web.get("/ready", self._ready),
            web.static("/client", WEB_ROOT),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB_ROOT / "index.html", headers=PAGE_HEADERS)

    async def _health(self, request: web.Request) -> web.Response:
        health: dict[str, Any] = {
            "status": "draining" if self._sessions.draining else "ok",
            "version": version("talkpath"),
            "uptimeSeconds": round(time.monotonic() - self._started, 1),
            "sessions": len(self._sessions),
            "model": {"url": self._model_url, "state": self._sessions.model_state},
        }
        return web.json_response(health)

    async def _ready(self, request: web.Request) -> web.Response:
        ready = not self._sessions.draining
        return web.json_response({"ready": ready}, status=200 if ready else 503)


def cors(origins: Origins) -> Any:
    """A middleware that lets pages of admitted origins use the HTTP routes (Fetch standard, CORS
    protocol).
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        if request.path.startswith("/socket.io/"):
            return await handler(request)
        origin = request.headers.get("Origin")
        admitted = origins.admit(origin, request.headers.get("Host"))
        preflight = request.method == "OPTIONS" and origin is not None
        if not admitted and (preflight or request.method != "GET"):
            return web.json_response(
                {
                    "error": {
                        "type": "invalid_request_error",
                        "code": "unauthorized",
                        "message": "this origin is not in ALLOWED_ORIGINS",
                        "param": None,
                    }
                },
                status=403,
            )
        response = web.Response(status=204) if preflight else await handler(request)
        if origin is not None and admitted:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
            response.headers.update(_CORS_HEADERS)
        return response

    return middleware
