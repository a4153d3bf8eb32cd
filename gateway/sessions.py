"""The live sessions: opened, resumed, limited, drained."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.agents.agent import AgentSet, AgentSetError
from gateway.agents.registry import AgentSets
from gateway.agents.text_model import TextModel
from gateway.audit.actor import Actor, acting
from gateway.audit.audit import NO_AUDIT, Audit
from gateway.core.control import Control, Right
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError, Status
from gateway.core.lifetime import SessionLimits
from gateway.core.observer import CallFacts, Observe
from gateway.media.decoding import DecodingPool
from gateway.media.raw_pcm import PcmFormat
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime.wire import Endpoint
from gateway.recording.recorder import Recorder
from gateway.session import Session
from gateway.session_passthrough import NOBODY
from gateway.session_settings import SessionSettings
from gateway.session_usage import CostRules

log = structlog.get_logger(__name__)

END_TIMEOUT = 10.0
"""Seconds that sessions may take to end when the gateway stops; then they are cancelled."""


NO_SUCH_SESSION = "there is no such session to resume"


@dataclass(frozen=True, slots=True)
class SessionDefaults:
    """What a session is made of unless its client asks for something else."""

    agent_set: str
    voice: str
    transcription_model: str
    limits: SessionLimits
    reconnect_grace: float
    max_sessions: int = 0
    costs: CostRules = field(default_factory=CostRules)
    pcm: PcmFormat = field(default_factory=PcmFormat)
    """What header-less audio is, both ways."""
    agent_sets: AgentSets = field(default_factory=AgentSets)
    """Those a client may ask for; ``agent_set`` is the name of one."""
    text_model: TextModel | None = None
    """What agents may ask; None: there is none."""
    control: Control = Control.AGENTS
    """Who runs the calls of clients that speak the Realtime protocol."""
    rights: frozenset[Right] = frozenset()
    """What these may change although agents run the call."""
    recorder: Recorder | None = None
    """None: calls are not recorded."""
    audit: Audit = NO_AUDIT
    """Gets to know who opened, resumed and ended sessions."""


class Sessions:
    """All sessions of this gateway.

    :param endpoint: the Realtime server for a model's name, or for None the default one.
    :param mark: what tells the ids of sessions from those of other gateways.
    """

    def __init__(
        self,
        defaults: SessionDefaults,
        media: WebRtcConfig,
        endpoint: Callable[[str | None], Endpoint],
        mark: str = "",
    ) -> None:
        self.mark = mark
        self._defaults = defaults
        self._media = media
        self._endpoint = endpoint
        self._decoding = DecodingPool()
        self._live: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._graces: dict[str, asyncio.TimerHandle] = {}
        self.draining = False
        self.observe: list[Observe] = []
        """Who looks on at the sessions that are opened from now on."""

    @property
    def defaults(self) -> SessionDefaults:
        """What a session is made of unless its client asks for something else."""
        return self._defaults

    @property
    def media(self) -> WebRtcConfig:
        """What all WebRTC legs share."""
        return self._media

    @property
    def decoding_backlog(self) -> int:
        """Recordings of clients that wait to be decoded."""
        return self._decoding.backlog

    @property
    def audit(self) -> Audit:
        """Where it is noted who does what to them."""
        return self._defaults.audit

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._live.values()))

    @property
    def model_state(self) -> str:
        """``connected`` if any session reaches its model, ``unreachable`` if none does, ``idle``
        without sessions.
        """
        if not self._live:
            return "idle"
        reached = any(session.status is Status.CONNECTED for session in self._live.values())
        return "connected" if reached else "unreachable"

    def open(
        self,
        user_id: str,
        *,
        agent_set: str | None = None,
        model: str | None = None,
        door: str = "",
        ends_with_leg: bool = False,
        owner: str | None = None,
        **settings: Any,
    ) -> Session:
        """Start a session. ``owner``: as :class:`Session` has it. ``settings``: further fields of
        :class:`SessionSettings`; None means default, but of ``turn_detection`` push-to-talk.

        :param door: by which the caller comes: a word.
        :raises GatewayError: as :meth:`admit`.
        """
        agents = self.admit(agent_set)
        if settings.get("control") is Control.PASS_THROUGH:
            agents = NOBODY
        given = {
            name: value
            for name, value in settings.items()
            if value is not None or name == "turn_detection"
        }
        wanted = SessionSettings(
            **{
                "agents": agents,
                "voice": self._defaults.voice,
                "transcription_model": self._defaults.transcription_model,
                "text_model": self._defaults.text_model,
                **given,
            }
        )
        session = Session(
            user_id,
            wanted,
            self._endpoint(model),
            self._media,
            self._defaults.limits,
            self._defaults.costs,
            self._defaults.pcm,
            self._decoding,
            door=door,
            ends_with_leg=ends_with_leg,
            owner=owner,
            recorder=self._defaults.recorder,
            mark=self.mark,
        )
        facts = CallFacts(session.id, door, agents.name, asyncio.get_running_loop().time())
        for observe in self.observe:
            session.observers.add(observe(facts))
        self._live[session.id] = session
        task = asyncio.create_task(session.run(), name=session.id)
        self._tasks[session.id] = task
        opener, began = acting(), asyncio.get_running_loop().time()
        self.audit.happened("session.opened", opener, session.id, agentSet=session.agent_set)
        task.add_done_callback(lambda _: self._forget(session, opener, began))
        return session

    def admit(self, agent_set: str | None, *, freed: int = 0) -> AgentSet:
        """The agents of a session that may be opened now, or once ``freed`` others have ended.

        :raises GatewayError: ``capacity`` at the limit or while draining; ``bad_request`` for an
            unknown agent set.
        """
        limit = self._defaults.max_sessions
        if self.draining or (limit and len(self._live) - freed >= limit):
            raise GatewayError(ErrorCode.CAPACITY, "the gateway takes no more calls now")
        self.audit.check()
        return self.find_agents(agent_set or self._defaults.agent_set)

    def find_agents(self, name: str) -> AgentSet:
        """The agent set of that name.

        :raises GatewayError: ``bad_request``.
        """
        try:
            return self._defaults.agent_sets.find(name)
        except AgentSetError as error:
            raise GatewayError(ErrorCode.BAD_REQUEST, str(error)) from None

    def when_ended(self, session: Session, told: Callable[[], None]) -> None:
        """Call ``told`` once nothing is left of a session."""
        task = self._tasks.get(session.id)
        if task is None:
            told()
        else:
            task.add_done_callback(lambda _: told())

    def knows_agents(self, name: str) -> bool:
        """Whether there is an agent set of that name."""
        try:
            self._defaults.agent_sets.find(name)
        except AgentSetError:
            return False
        return True

    def _forget(self, session: Session, opener: Actor, began: float) -> None:
        self._live.pop(session.id, None)
        self._tasks.pop(session.id, None)
        self._stop_grace(session.id)
        seconds = round(asyncio.get_running_loop().time() - began, 1)
        reason = session.end_reason
        self.audit.happened("session.ended", opener, session.id, reason=reason, seconds=seconds)

    def find(self, session_id: str, token: str) -> Session:
        """The session that a dropped client wants to come back to.

        :raises GatewayError: ``session_expired``; the same for a wrong token, which tells a guesser
            nothing.
        """
        session = self._live.get(session_id)
        expected = session.resume_token if session is not None else ""
        # Strings with characters beyond ASCII, or half of one, cannot be compared as such.
        matches = hmac.compare_digest(expected.encode(), token.encode(errors="replace"))
        if session is None or session.ended or not matches:
            raise GatewayError(ErrorCode.SESSION_EXPIRED, NO_SUCH_SESSION)
        return session

    def resume(self, session_id: str, token: str) -> Session:
        """As :meth:`find`, and the session no longer waits for its client.

        :raises GatewayError: ``session_expired``.
        """
        session = self.find(session_id, token)
        self.audit.note("session.resumed", acting(), session.id)
        self._stop_grace(session_id)
        return session

    def release(self, session: Session, *, certain: bool) -> None:
        """Its client dropped: keep the session for ``RECONNECT_GRACE`` seconds, then end it.

        :param certain: whether the client took leave, or was lost; see :meth:`Session.detach`.
        """
        session.detach(certain=certain)
        if session.ended or session.id not in self._live:
            return
        self._stop_grace(session.id)
        self._graces[session.id] = asyncio.get_running_loop().call_later(
            self._defaults.reconnect_grace, session.end, Ending.NOT_BACK
        )

    def _stop_grace(self, session_id: str) -> None:
        timer = self._graces.pop(session_id, None)
        if timer is not None:
            timer.cancel()

    async def end(self, session: Session, reason: str) -> None:
        """End one session and wait until nothing of it is left."""
        session.end(reason)
        task = self._tasks.get(session.id)
        if task is not None:
            await asyncio.wait([task])

    async def drain(self, timeout: float) -> None:
        """Take no more calls, let live ones finish for ``timeout`` seconds, then end them
        cleanly.
        """
        self.draining = True
        if self._tasks and timeout > 0:
            log.info("draining", sessions=len(self._live), seconds=timeout)
            await asyncio.wait(list(self._tasks.values()), timeout=timeout)
        for session in list(self._live.values()):
            session.end(Ending.SHUT_DOWN)
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=END_TIMEOUT)
        if stuck := list(self._tasks.values()):
            log.error("sessions did not end in time", sessions=len(stuck))
            for task in stuck:
                task.cancel()
            await asyncio.wait(stuck, timeout=END_TIMEOUT)
        await self._decoding.close()
