"""Delivery to a real HTTP server, that fails in every way it can."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog
from aiohttp import web

from signaling import webhook_sender
from signaling.webhook import incoming_call
from signaling.webhook_sender import WebhookSender
from tests.gateway.test_webhook_settings import KEY

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def application(handler: Handler) -> AsyncIterator[str]:
    """An application that takes webhooks, by its address."""
    app = web.Application()
    app.router.add_post("/hook", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(webhook_sender, "ATTEMPT", 0.2)


class Moody:
    """Answers with one status after the other; 0: not at all."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.got: list[tuple[str, bytes]] = []

    async def hook(self, request: web.Request) -> web.StreamResponse:
        self.got.append((request.headers["webhook-id"], await request.read()))
        status = self._statuses.pop(0)
        if status == 0:
            await asyncio.Event().wait()
        return web.Response(status=status, headers={"Location": "/hook"})


async def deliver(url: str, is_wanted: Callable[[], bool] = lambda: True) -> bool:
    sender = WebhookSender(url, KEY)
    try:
        return await sender.deliver(incoming_call("rtc_1", [], 0), is_wanted)
    finally:
        await sender.close()


@pytest.mark.parametrize(
    ("statuses", "taken"),
    [((204,), True), ((500, 404, 200), True), ((0, 200), True), ((307, 401, 503), False)],
)
async def test_three_attempts_with_the_same_event(statuses: tuple[int, ...], taken: bool) -> None:
    handler = Moody(*statuses)
    async with application(handler.hook) as url:
        assert await deliver(url) is taken
    assert len(handler.got) == len(statuses)
    assert len(set(handler.got)) == 1


async def test_nobody_is_asked_again_about_what_is_decided() -> None:
    handler = Moody(500, 500, 500)
    async with application(handler.hook) as url:
        assert not await deliver(url, lambda: not handler.got)
    assert len(handler.got) == 1


async def test_where_nobody_listens_the_log_says_so_without_the_address() -> None:
    with structlog.testing.capture_logs() as logs:
        assert not await deliver("http://127.0.0.1:9/hook?token=private")
    assert [entry["attempt"] for entry in logs] == [1, 2, 3]
    assert "private" not in repr(logs)
    assert logs[0]["reason"] == "ClientConnectorError"
