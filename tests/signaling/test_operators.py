"""The live calls, over HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.gateways import running_gateway
from tests.signaling.callers import Caller, until
from tests.stand_in import StandIn


async def test_a_call_is_listed_looked_at_and_ended() -> None:
    async with (
        StandIn() as model,
        running_gateway(
            model.url, ice_servers='[{"urls": "turn:127.0.0.1:9"}]', turn_secret="between-us"
        ) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
        Caller(gateway.url) as caller,
    ):

        async def get(path: str) -> tuple[int, Any]:
            async with http.get(path) as answer:
                return answer.status, await answer.json()

        assert await get("/api/sessions") == (200, {"sessions": []})
        await caller.join(userId="ann")
        line = await model.line()
        await line.question("What is it?")
        await line.answer("It is a secret.", bytes(4_800))
        await caller.wait("message", lambda message: message["role"] == "assistant")

        _, listed = await get("/api/sessions")
        (shown,) = listed["sessions"]
        assert (shown["id"], shown["userId"]) == (caller.session["sessionId"], "ann")
        assert (shown["door"], shown["status"]) == ("socketio", "CONNECTED")
        assert (shown["turns"], shown["codec"]) == (1, "pcm16")
        assert shown["levels"] == {"caller": None, "agent": None}
        path = f"/api/sessions/{shown['id']}"
        _, looked = await get(path)
        assert [entry["kind"] for entry in looked["timeLine"]][:2] == ["status", "caller"]
        assert "It is a secret" not in str(looked)
        (server,) = looked["iceServers"]
        assert server["urls"] == ["turn:127.0.0.1:9"]
        assert server["username"].endswith(f":operator-{shown['id']}")
        assert "iceServers" not in str(listed), "credentials are for who listens in"
        _, both = await get(f"/api/sessions?timeLine={shown['id']}")
        assert [len(each["timeLine"]) for each in both["sessions"]] == [len(looked["timeLine"])]

        async with http.post(f"{path}/text", json={"text": "Offer a discount."}) as answer:
            assert answer.status == 202
        assert "discount" in str(await line.wait_for("conversation.item.create"))
        async with http.post(f"{path}/text", json={"text": " "}) as answer:
            assert answer.status == 400
        _, history = await get("/api/history")
        assert (history["minutes"][-1]["calls"], history["minutes"][-1]["turns"]) == (1, 1)
        at = history["minutes"][-1]["at"]
        assert await get(f"/api/history?since={at}") == (200, {"minutes": history["minutes"][-1:]})
        assert (await get("/api/history?since=soon"))[0] == 400
        _, agents = await get("/api/agents")
        assert [agent["answers"] for agent in agents["agents"]] == [1]

        async with http.post(f"{path}/hangup") as answer:
            assert answer.status == 200
        await until(lambda: not gateway.sessions)
        await caller.wait("session_status", lambda told: told["status"] == "DISCONNECTED")
        assert (await get(path))[0] == 404
