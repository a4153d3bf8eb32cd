"""``GET /openapi.json``: the HTTP doors as an OpenAPI 3.1 document."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from aiohttp import web

DOCUMENT: Final = files("signaling").joinpath("openapi.json")


class OpenApiDoor:
    def __init__(self) -> None:
        self._text = DOCUMENT.read_text("utf-8")

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/openapi.json", self._document)]

    async def _document(self, request: web.Request) -> web.Response:
        return web.Response(text=self._text, content_type="application/json")
