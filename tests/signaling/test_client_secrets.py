"""Keys asked for by HTTP and shown at the other doors, all of it real."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from openai.types.beta.realtime import SessionCreateResponse
from openai.types.realtime import ClientSecretCreateResponse, RealtimeSessionCreateResponse

from gateway.config import Settings
from signaling.app import Gateway
from signaling.keys import EphemeralKeys
from signaling.session_config import SessionConfig
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

SESSION = {
    "type": "realtime",
    "instructions": "Speak like a pirate.",
    "audio": {"output": {"voice": "cedar"}},
}


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, gateway: Gateway, body: Any = None, route: str = "/api/session"
) -> tuple[int, dict[str, Any]]:
    kind = "data" if isinstance(body, bytes) else "json"
    async with http.post(gateway.url + route, **{kind: body}) as answer:
        return answer.status, await answer.json()


async def test_a_key_as_openai_hands_it_out(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    wishes = {"session": SESSION, "expires_after": {"anchor": "created_at", "seconds": 60}}
    status, answer = await ask(http, gateway, wishes, "/v1/realtime/client_secrets")
    assert status == 200
    assert answer.keys() == {"value", "expires_at", "session"}
    parsed = ClientSecretCreateResponse.model_validate(answer, strict=True)
    assert parsed.value.startswith("ek_")
    assert parsed.expires_at == pytest.approx(time.time() + 60, abs=5)
    assert parsed.session.type == "realtime"
    assert parsed.session.instructions == SESSION["instructions"]
    assert parsed.session.audio is not None
    assert parsed.session.audio.output is not None
    assert parsed.session.audio.output.voice == "cedar"


async def test_the_original_bridge_s_route_needs_no_body_and_says_the_key_twice(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    status, answer = await ask(http, gateway, b"")
    assert status == 200
    assert answer.keys() == {"value", "expires_at", "session", "client_secret"}
    expires_at = answer["expires_at"]
    assert answer["client_secret"] == {"value": answer["value"], "expires_at": expires_at}
    assert expires_at == pytest.approx(time.time() + 600, abs=5)
    assert answer["session"]["model"] == Settings.model_fields["realtime_model"].default


async def test_a_page_may_get_its_key_without_a_post(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn
) -> None:
    async with http.get(gateway.url + "/api/session") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        key = (await answer.json())["client_secret"]["value"]
    async with http.head(gateway.url + "/api/session") as answer:
        assert answer.status == 405, "who looks whether it is there is given no key"
    async with Caller(gateway.url, token=key) as caller:
        await caller.join()
        await model.line()


async def test_the_route_before_that_takes_and_gives_a_flat_session(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn
) -> None:
    wishes = {"model": "some-model", "voice": "cedar", "modalities": ["audio", "text"]}
    wishes |= {"client_secret": {"expires_after": {"anchor": "created_at", "seconds": 30}}}
    status, answer = await ask(http, gateway, wishes, "/v1/realtime/sessions")
    assert status == 200
    session = SessionCreateResponse.model_validate(answer, strict=True)
    assert session.client_secret.expires_at == pytest.approx(time.time() + 30, abs=5)
    assert (session.voice, session.modalities) == ("cedar", ["audio", "text"])
    assert answer["model"] == "some-model"
    assert answer["audio"]["output"]["voice"] == "cedar", "for whoever reads the GA's names"
    async with Caller(gateway.url, token=session.client_secret.value) as caller:
        await caller.join()
        sent = (await (await model.line()).wait_for("session.update"))["session"]
        assert sent["audio"]["output"]["voice"] == "cedar"


async def test_a_whole_session_is_bound_to_a_key(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn
) -> None:
    heard = {"turn_detection": {"type": "semantic_vad"}, "transcription": {"language": "ko"}}
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
    session = {**SESSION, "tools": [tool], "control": "agents"}
    session["audio"] = {"output": {"voice": "cedar"}, "input": heard}
    _, answer = await ask(http, gateway, {"session": session}, "/v1/realtime/client_secrets")
    parsed = ClientSecretCreateResponse.model_validate(answer)
    assert isinstance(parsed.session, RealtimeSessionCreateResponse)
    assert parsed.session.tools is not None
    assert parsed.session.tools[0].type == "function"
    assert answer["session"]["control"] == "agents"
    assert answer["session"]["audio"]["input"] == heard
    async with Caller(gateway.url, token=answer["value"]) as caller:
        await caller.join()
        sent = (await (await model.line()).wait_for("session.update"))["session"]
        assert sent["audio"]["input"]["turn_detection"] == heard["turn_detection"]
        assert sent["audio"]["input"]["transcription"]["language"] == "ko"


@pytest.mark.parametrize("shown", ["auth", "header"])
async def test_a_key_s_configuration_is_that_of_the_session_it_opens(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn, shown: str
) -> None:
    _, answer = await ask(http, gateway, {"session": SESSION})
    key = answer["value"]
    caller = (
        Caller(gateway.url, token=key)
        if shown == "auth"
        else Caller(gateway.url, Authorization=f"Bearer {key}")
    )
    async with caller:
        assert (await caller.join())["agentSet"] == "chat_supervisor"
        sent = (await (await model.line()).wait_for("session.update"))["session"]
        assert sent["instructions"] == SESSION["instructions"]
        assert sent["audio"]["output"]["voice"] == "cedar"
        await caller.join(voice="ash")
        sent = (await (await model.line(1)).wait_for("session.update"))["session"]
        assert sent["instructions"] == SESSION["instructions"]
        assert sent["audio"]["output"]["voice"] == "ash", "a client may ask for something else"


async def test_a_long_configuration_fits_into_a_header(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn
) -> None:
    instructions = "Speak plainly. " * 1_000
    _, answer = await ask(http, gateway, {"session": {"instructions": instructions}})
    async with Caller(gateway.url, Authorization=f"Bearer {answer['value']}") as caller:
        await caller.join()
        sent = (await (await model.line()).wait_for("session.update"))["session"]
        assert sent["instructions"] == instructions


async def test_an_expired_or_foreign_key_opens_nothing_and_closes_nothing(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    keys = EphemeralKeys()
    foreign = (await keys.issue(SessionConfig(), 600)).value
    async with Caller(gateway.url) as ann, Caller(gateway.url, token=foreign) as bob:
        session = await ann.join()
        refused = await bob.ask("join_session", {})
        assert refused["error"]["code"] == "unauthorized"
        assert (await bob.wait("error"))["code"] == "unauthorized"
        assert len(gateway.sessions or ()) == 1
        # A key is for opening: a session is resumed by its own token, however old the key is.
        assert (await bob.resume(session))["ok"]
    async with http.post(
        f"{gateway.url}/v1/realtime/calls",
        data="v=0",
        headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {foreign}"},
    ) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await answer.json())["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"\xff", 400, "bad_request"),
        (b"[" * 60_000, 400, "bad_request"),
        ([], 400, "bad_request"),
        ({"session": 1}, 400, "bad_request"),
        ({"session": {"type": "transcription"}}, 400, "bad_request"),
        ({"session": {"agentSet": "nobody"}}, 400, "bad_request"),
        ({"session": {"voice": 7}}, 400, "bad_request"),
        ({"session": {"audio": {"output": 7}}}, 400, "bad_request"),
        ({"session": {"instructions": "x" * 32_769}}, 413, "too_large"),
        (b'{"session": {"temperature": NaN}}', 400, "bad_request"),
        (b'{"session": {"temperature": 1e999}}', 400, "bad_request"),
        ({"expires_after": {"seconds": 9}}, 400, "bad_request"),
        ({"expires_after": {"seconds": 7_201}}, 400, "bad_request"),
        ({"expires_after": {"seconds": True}}, 400, "bad_request"),
        ({"expires_after": {"anchor": "never"}}, 400, "bad_request"),
        (b" " * 262_145, 413, "too_large"),
    ],
)
async def test_what_is_not_understood_is_refused(
    http: aiohttp.ClientSession, gateway: Gateway, body: Any, status: int, code: str
) -> None:
    answered, answer = await ask(http, gateway, body)
    assert (answered, answer["error"]["code"]) == (status, code)
    assert answer["error"].keys() == {"type", "code", "message", "param"}
