"""Gateways for tests: real ones, on loopback, with any Realtime server behind them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, TypeVar

from gateway.agents.agent import AgentSet
from gateway.agents.registry import AgentSets
from gateway.config import Settings, load_settings
from gateway.core.events import SessionEvent, Status, StatusChanged
from gateway.core.lifetime import SessionLimits
from gateway.media.addresses import MediaAddresses
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime.wire import Endpoint
from gateway.recording.recorder import Recorder
from gateway.session import Session
from gateway.session_usage import CostRules
from gateway.sessions import SessionDefaults, Sessions
from signaling.app import Gateway
from tests.stand_in import Line, StandIn

Told = TypeVar("Told", bound=SessionEvent)

LOOPBACK = "127.0.0.1"


def loopback_settings(realtime_url: str | None, **overrides: Any) -> Settings:
    """Settings of a gateway that uses nothing but loopback and any free port."""
    if realtime_url is not None:
        overrides["realtime_url"] = realtime_url
    return load_settings(
        None, **{"host": LOOPBACK, "port": 0, "public_address": (LOOPBACK,), **overrides}
    )


@contextlib.asynccontextmanager
async def running_gateway(realtime_url: str | None, **overrides: Any) -> AsyncIterator[Gateway]:
    """A gateway that serves, and leaves nothing behind. None: the embedded model answers."""
    gateway = Gateway(loopback_settings(realtime_url, **overrides))
    try:
        await gateway.start()
        yield gateway
    finally:
        await gateway.stop()


@contextlib.asynccontextmanager
async def live_sessions(
    realtime_url: str,
    *,
    api_key: str | None = None,
    idle: float = 300.0,
    duration: float = 3600.0,
    grace: float = 30.0,
    max_sessions: int = 0,
    session_limit: float = 3600.0,
    agents: AgentSet | None = None,
    costs: CostRules | None = None,
    recorder: Recorder | None = None,
) -> AsyncIterator[Sessions]:
    """Sessions without a door.

    :param agents: who answers, instead of one of the house's own sets.
    """
    agent_sets = AgentSets() if agents is None else AgentSets([agents])
    endpoint = Endpoint(realtime_url, "some-model", api_key, session_limit=session_limit)
    sessions = Sessions(
        SessionDefaults(
            agent_set="chat_supervisor" if agents is None else agents.name,
            agent_sets=agent_sets,
            voice="marin",
            transcription_model="some-recogniser",
            limits=SessionLimits(idle, duration),
            reconnect_grace=grace,
            max_sessions=max_sessions,
            costs=costs or CostRules(),
            recorder=recorder,
        ),
        WebRtcConfig(MediaAddresses((LOOPBACK,))),
        lambda model: replace(endpoint, model=model or endpoint.model),
    )
    try:
        yield sessions
    finally:
        await sessions.drain(0)


class Ear:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[SessionEvent] = []
        self.displaced = False
        self._changed = asyncio.Condition()
        self._waking: set[asyncio.Task[None]] = set()

    def on_session_event(self, event: SessionEvent) -> None:
        self.told.append(event)
        task = asyncio.create_task(self._wake())
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    def on_displaced(self) -> None:
        self.displaced = True

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def of(self, kind: type[Told]) -> list[Told]:
        return [event for event in self.told if isinstance(event, kind)]

    async def wait(
        self,
        kind: type[Told],
        wanted: Callable[[Told], bool] = lambda _: True,
        count: int = 1,
        patience: float = 10.0,
    ) -> Told:
        """The ``count``-th wanted event of that kind, past or to come."""

        def found() -> list[Told]:
            return [event for event in self.of(kind) if wanted(event)]

        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def status(self, status: Status, count: int = 1) -> StatusChanged:
        return await self.wait(StatusChanged, lambda event: event.status is status, count)


def begin(sessions: Sessions, **wishes: Any) -> tuple[Session, Ear]:
    """A session, and its listener."""
    session, ear = sessions.open("ann", **wishes), Ear()
    session.attach(ear)
    return session, ear


async def connected(sessions: Sessions, model: StandIn) -> tuple[Session, Ear, Line]:
    """A session that reached the model, and its line there."""
    session, ear = begin(sessions)
    await ear.status(Status.CONNECTED)
    return session, ear, await model.line(len(model.lines) - 1)
