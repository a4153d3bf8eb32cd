"""An operator listens in on a call: real peers, real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np

from client.python import Microphone
from client.python.heard import RATE
from client.python.peer import Peer
from client.python.speaker import Speaker
from gateway.listening import Listening
from signaling.app import Gateway
from tests.client.tones import tone
from tests.event_recorder import SocketClient
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

OFFER = {"Content-Type": "application/sdp"}
CALLER, AGENT, OPERATOR = 500.0, 1_500.0, 2_500.0
MOST_LATE = 0.3


class Phone:
    """A peer with a microphone and a loudspeaker."""

    def __init__(self) -> None:
        self.microphone = Microphone()
        self.speaker = Speaker()
        self.peer = Peer(self.microphone, [], "127.0.0.1")
        self._hearing: asyncio.Task[None] | None = None

    async def call(self, http: aiohttp.ClientSession, path: str) -> str:
        """Offer, connect and hear; ``Location`` of the answer."""
        offer, _ = await self.peer.offer()
        async with http.post(path, data=offer, headers=OFFER) as created:
            assert created.status == 201, await created.text()
            assert created.content_type == "application/sdp"
            await self.peer.accept(await created.text())
            where = created.headers["Location"]
        track = self.peer.remote_track
        assert track is not None
        self._hearing = asyncio.create_task(self.speaker.consume(track))
        await self.peer.wait_connected(10.0)
        return where

    def heard(self, hertz: float) -> list[float]:
        """When sound of that pitch arrived, frame by frame."""
        arrivals = []
        for frame in self.speaker.frames:
            turns = np.exp(-2j * np.pi * hertz * np.arange(len(frame.samples)) / RATE)
            if abs(np.dot(frame.samples, turns)) / len(frame.samples) > 800:
                arrivals.append(frame.arrival)
        return arrivals

    async def close(self) -> None:
        await self.peer.close()
        self.microphone.stop()
        if self._hearing is not None:
            await self._hearing


@contextlib.asynccontextmanager
async def phone() -> AsyncIterator[Phone]:
    made = Phone()
    try:
        yield made
    finally:
        await made.close()


async def only_session(http: aiohttp.ClientSession) -> str:
    async with http.get("/api/sessions") as answer:
        (shown,) = (await answer.json())["sessions"]
    return f"/api/sessions/{shown['id']}"


async def status_of(request: Any) -> int:
    async with request as answer:
        return int(answer.status)


async def test_both_voices_are_heard_and_nobody_is_disturbed(
    gateway: Gateway, model: StandIn
) -> None:
    async with (
        aiohttp.ClientSession(gateway.url) as http,
        phone() as caller,
        phone() as operator,
        phone() as other,
    ):
        await caller.call(http, "/whip")
        async with http.get("/api/sessions") as answer:
            assert [each["codec"] for each in (await answer.json())["sessions"]] == ["opus"]
        line = await model.line()
        path = f"{await only_session(http)}/listen"
        where = await operator.call(http, path)
        assert where.startswith(f"{path}/")
        await other.call(http, path)

        await line.answer("A tone.", tone(1.2, RATE, hertz=AGENT).tobytes())
        said, _ = await asyncio.gather(
            caller.microphone.say(tone(1.0, RATE, hertz=CALLER), RATE),
            operator.microphone.say(tone(1.0, RATE, hertz=OPERATOR), RATE),
        )
        await until(lambda: len(caller.heard(AGENT)) >= 55 <= len(operator.heard(AGENT)))
        await until(lambda: len(operator.heard(CALLER)) >= 45 <= len(other.heard(CALLER)))

        assert 0 < operator.heard(CALLER)[0] - said.start < MOST_LATE
        assert operator.heard(AGENT)[0] - caller.heard(AGENT)[0] < MOST_LATE
        assert caller.heard(CALLER) == caller.heard(OPERATOR) == []
        assert operator.heard(OPERATOR) == other.heard(OPERATOR) == []
        model_heard = np.frombuffer(bytes(line.audio), "<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(model_heard))
        at = [round(hertz * len(model_heard) / RATE) for hertz in (CALLER, OPERATOR)]
        of_caller, of_operator = (spectrum[k - 3 : k + 4].max() for k in at)
        assert of_operator < of_caller / 100

        assert await status_of(http.delete(where)) == 200
        assert await status_of(http.delete(where)) == 404
        await other.peer.close()
        session = next(iter(gateway.sessions or ()))
        playout = session.parts.playout
        await until(lambda: not any(isinstance(tap, Listening) for tap in playout.taps))
        heard = len(operator.heard(CALLER))
        await caller.microphone.say(tone(0.1, RATE, hertz=CALLER), RATE)
        assert len(operator.heard(CALLER)) == heard
        assert caller.peer.state == "connected"


async def test_listening_ends_with_the_session(gateway: Gateway) -> None:
    async with (
        aiohttp.ClientSession(gateway.url) as http,
        phone() as caller,
        phone() as operator,
    ):
        call = await caller.call(http, "/whip")
        path = f"{await only_session(http)}/listen"
        assert await status_of(http.post(path, data="{}")) == 415
        assert await status_of(http.post(path, data="v=0", headers=OFFER)) == 400
        assert await status_of(http.post(path, data=b"\xff", headers=OFFER)) == 400
        assert await status_of(http.delete(f"{path}/lis_none")) == 404
        assert await status_of(http.post("/api/sessions/x/listen", data="", headers=OFFER)) == 404
        await operator.call(http, path)
        assert await status_of(http.delete(call)) == 200
        await until(lambda: operator.peer.state == "closed")
        assert await status_of(http.post(path, data="", headers=OFFER)) == 404


async def test_it_is_noted_before_it_begins(model: StandIn, tmp_path: Any) -> None:
    log = tmp_path / "audit.jsonl"
    async with (
        running_gateway(model.url, audit_log=log) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        assert gateway.sessions is not None
        session = gateway.sessions.open("ann")
        path = f"/api/sessions/{session.id}/listen"
        assert await status_of(http.post(path, data="v=0", headers=OFFER)) == 400
        await until(lambda: '"session.listened"' in log.read_text())


async def test_a_client_over_websocket_is_listened_to(gateway: Gateway, model: StandIn) -> None:
    async with (
        aiohttp.ClientSession(gateway.url) as http,
        SocketClient(gateway.url, "model=some-model") as client,
        phone() as operator,
    ):
        line = await model.line()
        await operator.call(http, f"{await only_session(http)}/listen")
        await line.answer("A tone.", tone(0.5, 24_000, hertz=AGENT).tobytes())
        await client.wait("response.done")
        await until(lambda: len(operator.heard(AGENT)) > 20)
        assert len(operator.heard(AGENT)) < 30
