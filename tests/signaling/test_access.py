"""What each route needs."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from signaling.access import ACCESS, Access, access_of


async def nothing(request: web.Request) -> web.StreamResponse:
    return web.Response()


async def needed(method: str, path: str) -> Access:
    app = web.Application()
    app.add_routes(
        [
            web.get("/health", nothing),
            web.get("/new", nothing),
            web.route("*", "/socket.io/", nothing),
            web.get("/client/{path:.+}", nothing),
            web.delete("/whip/{call_id}", nothing),
        ]
    )
    request = make_mocked_request(method, path, app=app)
    request._match_info = await app.router.resolve(request)  # type: ignore[assignment]
    return access_of(request, ACCESS)


async def test_routes_are_found_as_the_router_has_them() -> None:
    assert await needed("GET", "/health") is Access.OPEN
    assert await needed("HEAD", "/health") is Access.OPEN
    assert await needed("POST", "/socket.io/") is Access.OPEN
    assert await needed("GET", "/client/lib/a.js") is Access.OPEN
    assert await needed("DELETE", "/whip/rtc_1") is Access.OWN_CALL


async def test_a_route_that_was_forgotten_is_shut() -> None:
    assert await needed("GET", "/new") is Access.ADMIN


async def test_what_is_not_there_tells_so() -> None:
    assert await needed("GET", "/nowhere") is Access.OPEN
    assert await needed("PUT", "/health") is Access.OPEN
