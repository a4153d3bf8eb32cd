"""A client that comes back to another gateway than its session's."""

from __future__ import annotations

from signaling.app import Gateway
from tests.redis_server import needs_redis
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

pytestmark = needs_redis


async def test_who_comes_back_elsewhere_is_told_what_was_missed(
    here: Gateway, there: Gateway, model: StandIn
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join(userId="ann")
        await caller.reach_model()
        line = await model.line()
        await line.question("Told before.")
        await caller.wait("message")
    async with Caller(there.url) as again:
        assert await again.resume(joined) == {"ok": True, **joined}
        await line.question("Told after.")
        await again.wait("message", lambda m: m["content"] == "Told after.")
        assert (await again.ask("send_text", "Hello."))["ok"]
        await again.wait("message", lambda m: m["content"] == "Hello.")
        assert (await again.ask("disconnect_session")) == {"ok": True}
        assert again.of("session_status")[-1]["status"] == "DISCONNECTED"
        assert (await again.ask("interrupt"))["error"]["code"] == "no_session"
