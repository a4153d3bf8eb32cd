"""One conversation: a leg, a model and its agents, and the one task that owns them all."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from gateway.agents.agent_set import AgentSet
from gateway.conversation import Conversation
from gateway.core import events as out
from gateway.core.candidate import IceCandidate
from gateway.core.events import ErrorCode, GatewayError, SessionEvent, Status
from gateway.core.media_time import FRAME_SECONDS, to_ms
from gateway.core.playout import Playout
from gateway.core.sdp import SdpError
from gateway.media.leg import Leg, LegState
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.realtime import protocol
from gateway.realtime.client import Endpoint, ModelOverrun, ModelRefused, RealtimeClient

log = structlog.get_logger(__name__)

MAX_MISSED = 2_000
"""Events kept for a client that dropped and may resume; the oldest go first."""

SERVER_VAD: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}

_ICE_STATES = {
    LegState.NEW: "new",
    LegState.CONNECTING: "checking",
    LegState.CONNECTED: "connected",
    LegState.FAILED: "failed",
    LegState.CLOSED: "closed",
}

Listener = Callable[[SessionEvent], None]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session asks of its model. ``turn_detection`` None: push-to-talk."""

    agents: AgentSet
    voice: str
    transcription_model: str
    instructions: str | None = None
    language: str | None = None
    turn_detection: Mapping[str, Any] | None = field(default_factory=lambda: dict(SERVER_VAD))

    def upstream(self, *, muted: bool) -> dict[str, Any]:
        """The model's ``session`` object; a muted microphone takes no turns."""
        agent = self.agents.entry
        return protocol.audio_session(
            instructions=self.instructions or agent.instructions,
            voice=agent.voice or self.voice,
            transcription_model=self.transcription_model,
            turn_detection=None if muted else self.turn_detection,
            language=self.language,
        )


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds without a word from either side, and seconds in all, after which a session ends."""

    idle: float
    duration: float


class _Ended(Exception):
    """Leaves the session's task group."""


class Session:
    """A live conversation. Made by ``Sessions``, which runs :meth:`run` as the session's only root
    task.
    """

    def __init__(
        self,
        user_id: str,
        settings: SessionSettings,
        endpoint: Endpoint,
        media: WebRtcConfig,
        limits: SessionLimits,
        *,
        ends_with_leg: bool = False,
    ) -> None:
        self.id = f"sess_{secrets.token_hex(12)}"
        self.resume_token = secrets.token_urlsafe(24)
        self.user_id = user_id
        self.status = Status.CONNECTING
        self._settings = settings
        self._media = media
        self._limits = limits
        self._ends_with_leg = ends_with_leg
        self._loop = asyncio.get_running_loop()
        self._playout = Playout()
        self._model = RealtimeClient(endpoint, self)
        self._conversation = Conversation(
            self._playout, self._model.send, self._emit, lambda: time.time_ns() // 1_000_000
        )
        self._apply_agent()
        self._leg: WebRtcLeg | None = None
        self._muted = False
        self._listener: Listener | None = None
        self._missed: deque[SessionEvent] = deque(maxlen=MAX_MISSED)
        self._ended = asyncio.Event()
        self._end_reason = ""
        self._active_at = self._loop.time()

    # -- life

    @property
    def agent_set(self) -> str:
        return self._settings.agents.name

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def end(self, reason: str) -> None:
        """End the session; the first reason stays."""
        if not self._ended.is_set():
            self._end_reason = reason
            self._ended.set()

    async def run(self) -> None:
        """The session's root: whatever it started has ended when this returns."""
        structlog.contextvars.bind_contextvars(session=self.id)
        log.info("session started", agents=self.agent_set)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_model(), name="model")
                tasks.create_task(self._keep_time(), name="clock")
                await self._ended.wait()
                raise _Ended
        except* _Ended:
            pass
        except* Exception:
            log.exception("session failed")
            self._end_reason = "internal error"
            self._emit(out.Failed(ErrorCode.INTERNAL, "the session failed; what was said is kept"))
        finally:
            self.end("closed")
            await self._close()
            log.info("session ended", reason=self._end_reason)

    async def _close(self) -> None:
        leg, self._leg = self._leg, None
        self._conversation.finish()
        if leg is not None:
            await leg.close()
        self._set_status(Status.DISCONNECTED, self._end_reason)

    async def _keep_model(self) -> None:
        try:
            await self._model.run()
        except ModelRefused as refused:
            self._emit(out.Failed(ErrorCode.UPSTREAM_UNAVAILABLE, str(refused)))
            self.end(str(refused))

    async def _keep_time(self) -> None:
        started = deadline = self._loop.time()
        while True:
            deadline += 1.0
            await asyncio.sleep(deadline - self._loop.time())
            now = self._loop.time()
            self._conversation.poll(now)
            if self._leg is not None and self._leg.state is LegState.CONNECTED:
                self._emit(self._call_stats(self._leg))
            if now - self._active_at > self._limits.idle:
                self._expire("nobody spoke for a while")
            elif now - started > self._limits.duration:
                self._expire("the session reached its maximum duration")

    def _expire(self, reason: str) -> None:
        self._emit(out.Failed(ErrorCode.SESSION_EXPIRED, reason))
        self.end(reason)

    # -- the door

    def attach(self, listener: Listener) -> None:
        """Send events to ``listener``: those missed while nobody listened, and where things
        stand.
        """
        self._listener = listener
        while self._missed:
            listener(self._missed.popleft())
        listener(out.StatusChanged(self.status))

    def detach(self) -> None:
        """Nobody listens for now; events are kept for whoever resumes."""
        self._listener = None

    def _emit(self, event: SessionEvent) -> None:
        if self._listener is not None:
            self._listener(event)
        else:
            self._missed.append(event)

    def _set_status(self, status: Status, reason: str | None = None) -> None:
        if status is not self.status:
            self.status = status
            self._emit(out.StatusChanged(status, reason))

    def touch(self) -> None:
        """The caller or the agent did something: the session is not idle."""
        self._active_at = self._loop.time()

    # -- what a client may ask for

    async def offer(self, sdp: str) -> str:
        """Negotiate the WebRTC leg; again: renegotiation, ICE restart, or a new leg for a new peer.

        :raises GatewayError: ``negotiation_failed``; an earlier leg stays.
        """
        self.touch()
        try:
            leg = self._leg
            if leg is None or not leg.accepts(sdp):
                return await self._new_leg(sdp)
            return await leg.answer(sdp)
        except (SdpError, ValueError) as error:
            raise GatewayError(ErrorCode.NEGOTIATION_FAILED, str(error)) from error

    async def _new_leg(self, sdp: str) -> str:
        leg = WebRtcLeg(self._media, self, self._playout)
        try:
            answer = await leg.answer(sdp)
        except BaseException:
            await leg.close()
            raise
        old, self._leg = self._leg, leg
        self._conversation.audible = True
        if old is not None:
            await old.close()
        return answer

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A trickled ICE candidate; one that comes before the offer waits in the leg that will need
        it.
        """
        if self._leg is None:
            self._leg = WebRtcLeg(self._media, self, self._playout)
        await self._leg.add_candidate(candidate)

    def say(self, text: str) -> str:
        """The caller typed a line. Returns its item id."""
        self.touch()
        return self._conversation.say(text, self._loop.time())

    def interrupt(self) -> None:
        self.touch()
        self._conversation.interrupt(self._loop.time())

    def mute(self, muted: bool) -> None:
        """Stop (or resume) forwarding the microphone; turn detection is off meanwhile."""
        if muted == self._muted:
            return
        self._muted = muted
        self._model.send(protocol.clear())
        self._model.send(protocol.session_update(self._settings.upstream(muted=muted)))

    def commit_audio(self) -> None:
        """Push-to-talk released: what was said is a turn."""
        self.touch()
        self._conversation.commit(self._loop.time())

    def clear_audio(self) -> None:
        """Push-to-talk pressed: drop what was heard before."""
        self.touch()
        self._model.send(protocol.clear())

    def update(self, **changes: Any) -> None:
        """Change fields of :class:`SessionSettings` in mid-call."""
        self._settings = replace(self._settings, **changes)
        self._apply_agent()
        self._model.send(protocol.session_update(self._settings.upstream(muted=self._muted)))

    def _apply_agent(self) -> None:
        self._conversation.agent_name = self._settings.agents.entry.name
        detection = self._settings.turn_detection
        self._conversation.barge_in = bool((detection or {}).get("interrupt_response", True))

    # -- the model

    def on_model_connected(self) -> None:
        self._model.send(protocol.session_update(self._settings.upstream(muted=self._muted)))
        self._conversation.model_restored()

    def on_model_lost(self, reason: str) -> None:
        self._conversation.model_lost(self._loop.time())
        self._set_status(Status.CONNECTING, reason)
        self._emit(out.Failed(ErrorCode.UPSTREAM_UNAVAILABLE, f"{reason}; trying again"))

    def on_model_event(self, event: protocol.Event) -> None:
        kind = event["type"]
        try:
            self._conversation.handle(event, self._loop.time())
        except (KeyError, TypeError, AttributeError):
            log.warning("model left out a field of its protocol", type=kind)
        except ModelOverrun as overrun:
            self._emit(out.Failed(ErrorCode.UPSTREAM_UNAVAILABLE, str(overrun)))
            self.end(str(overrun))
        if kind == protocol.AUDIO_DELTA:
            if self._leg is not None:
                self._leg.wake()
            return
        self.touch()
        if kind in (protocol.SESSION_CREATED, protocol.SESSION_UPDATED):
            self._set_status(Status.CONNECTED)
        elif kind == protocol.ERROR and _error_code(event) in protocol.FATAL_ERRORS:
            self.end(str(event["error"].get("message")))
        self._emit(out.UpstreamEvent(event))
        if self._leg is not None and self._leg.data_open:
            self._leg.send_data(json.dumps(event))

    # -- the leg

    def on_audio(self, pcm: bytes) -> None:
        if not self._muted:
            self._model.append(pcm)

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        if leg is not self._leg and self._leg is not None:
            return
        self._emit(out.LegStateChanged(state.value, _ICE_STATES[state]))
        if state in (LegState.FAILED, LegState.CLOSED):
            self._conversation.interrupt(self._loop.time())
            self._conversation.audible = False
            if self._ends_with_leg:
                self.end("the caller hung up" if state is LegState.CLOSED else "the call was lost")

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        self._conversation.played(item_ids, self._loop.time())

    def on_data(self, label: str, message: str) -> None:
        log.debug("data channel message ignored", label=label, length=len(message))

    def _call_stats(self, leg: Leg) -> out.CallStats:
        quality = leg.stats()
        return out.CallStats(
            rtt_ms=quality.rtt_ms,
            jitter_ms=quality.jitter_ms,
            loss_percent=quality.loss_percent,
            concealed_percent=quality.concealed_percent,
            buffer_ms=to_ms(self._playout.owed_samples),
            turn_latency_ms=self._conversation.turn_latency_ms,
            uplink_dropped_ms=round(self._model.dropped_frames * FRAME_SECONDS * 1000),
            packets_received=quality.packets_received,
            packets_sent=quality.packets_sent,
        )


def _error_code(event: protocol.Event) -> str | None:
    error = event.get("error")
    return error.get("code") if isinstance(error, dict) else None
