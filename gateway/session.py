"""One conversation: a leg, a model and its agents, and the one task that owns them all."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Any

import structlog

from gateway.conversation import Conversation
from gateway.core import events as out
from gateway.core.candidate import IceCandidate
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, SessionEvent, Status
from gateway.core.lifetime import Lifetime, SessionLimits
from gateway.core.mailbox import Listener, Mailbox
from gateway.core.observer import Observers
from gateway.core.playout import Playout
from gateway.heartbeat import heartbeat
from gateway.keypad import Keypad
from gateway.media.decoding import FREE, Budget, DecodingPool
from gateway.media.leg import Leg, LegState
from gateway.media.raw_pcm import PcmFormat
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime import protocol
from gateway.realtime.wire import Endpoint
from gateway.recording.recorder import Recorder
from gateway.session_channel import DataChannelClient
from gateway.session_clients import SessionClients
from gateway.session_controls import control_of
from gateway.session_legs import ICE_STATES, SessionLegs, call_stats
from gateway.session_model import SessionModel
from gateway.session_offer import Phone
from gateway.session_parts import SessionParts
from gateway.session_passthrough import PassThrough
from gateway.session_record import record_of
from gateway.session_settings import SessionSettings
from gateway.session_usage import CostRules
from gateway.session_watch import SessionWatch
from gateway.telemetry import bind_session
from gateway.uplink import SentAudio, Uplink

log = structlog.get_logger(__name__)


class _Ended(Exception):
    """Leaves the session's task group."""


class Session:
    """A live conversation. Made by ``Sessions``, which runs :meth:`run` as the session's only root
    task.

    :param ends_with_leg: the session lives as long as its peer connection.
    :param recorder: records the call.
    :param owner: whose it is, besides an operator's; None: of whoever has its id.
    """

    def __init__(
        self,
        user_id: str,
        settings: SessionSettings,
        endpoint: Endpoint,
        media: WebRtcConfig,
        limits: SessionLimits,
        costs: CostRules,
        pcm: PcmFormat,
        decoding: DecodingPool,
        *,
        door: str = "",
        ends_with_leg: bool = False,
        recorder: Recorder | None = None,
        owner: str | None = None,
        mark: str = "",
    ) -> None:
        self.id = f"sess_{mark}{secrets.token_hex(12)}"
        self.resume_token = secrets.token_urlsafe(24)
        self.user_id, self.owner = user_id, owner
        self.door = door
        self.status = Status.CONNECTING
        self.end_reason = ""
        """Why the session ended; empty while it lives."""
        self._ends_with_leg = ends_with_leg
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._mailbox = Mailbox()
        self.observers = Observers(self._loop.time)
        self._playout = Playout()
        self._conversation = Conversation(
            self._playout, self._send, self._emit, lambda: time.time_ns() // 1_000_000
        )
        about = {"userId": user_id, "owner": owner, "agentSet": settings.agents.name}
        self._record = record_of(recorder, self.id, about, self._playout, self._conversation)
        self._model = SessionModel(
            endpoint, self._conversation, self, lambda: self._agents.upstream(muted=self._muted)
        )
        self._agents, self.call = control_of(
            self.id,
            settings,
            self._conversation,
            emit=self._emit,
            send=self._send,
            configure=self._configure,
            leg=lambda: self.legs.offered,
            hang_up=lambda: self.end(Ending.AGENT),
        )
        self._watch = SessionWatch(
            self, self._agents, self._conversation, costs, endpoint.model, self._emit, self._send
        )
        self._uplink = Uplink(self._model.client, pcm, decoding)
        self._conversation.audible = not ends_with_leg
        self.legs = SessionLegs(
            media,
            self,
            self._playout,
            self._ended.is_set,
            pcm.sample_rate,
            lambda voice: self._emit(out.AudioResponse(voice)),
            self._record.watch,
        )
        self._keypad = Keypad(lambda keys: self._conversation.press(keys, self._loop.time()))
        self._muted = False
        self.parts = SessionParts(
            *(self, int(time.time() + limits.duration), self._conversation, self._playout),
            *(self._uplink, self._model, self._agents, self._mailbox),
        )
        self.clients = SessionClients(self.parts, keeps_early=ends_with_leg)
        self.channel = DataChannelClient(self.clients, lambda: self.legs.data_channel)
        self._apply_settings()
        self._lifetime = Lifetime(limits, self._loop.time())

    # -- life

    @property
    def agent_set(self) -> str:
        return self._agents.settings.agents.name

    @property
    def settings(self) -> SessionSettings:
        return self._agents.settings

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def end(self, reason: str) -> None:
        """End the session; the first reason stays."""
        if not self._ended.is_set():
            self.end_reason = str(reason)
            self._ended.set()

    async def run(self) -> None:
        """The session's root: whatever it started has ended when this returns.

        What was said last is told before ``DISCONNECTED``, and nothing after it.
        """
        bind_session(self.id)
        self._watch.begin()
        log.info("session started", agents=self.agent_set)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch.run(), name="watch")
                tasks.create_task(self._agents.run(), name="agents")
                tasks.create_task(self._model.run(), name="model")
                tasks.create_task(self._uplink.run(), name="uplink")
                tasks.create_task(heartbeat(self._tick), name="clock")
                await self._ended.wait()
                raise _Ended
        except* _Ended:
            pass
        except* Exception:
            log.exception("session failed")
            self.fail(ErrorCode.INTERNAL, Ending.BROKEN)
        finally:
            self.end(Ending.STOPPED)
            try:
                self._keypad.flush()
                self._conversation.finish(self._loop.time())
                await self.legs.close()
            finally:
                self._set_status(Status.DISCONNECTED, self.end_reason)
                self._record.close(self.end_reason)
                log.info("session ended", reason=self.end_reason)

    def _tick(self, now: float) -> None:
        self._conversation.poll(now)
        self._agents.poll()
        if self._playout.moved():
            self.touch()
        self._watch.tick()
        if (leg := self.legs.measured) is not None:
            model, usage = self._model.client, self._watch.usage
            self._emit(call_stats(leg, self._playout, model, self._conversation, usage))
        if (cause := self._lifetime.ended(now)) is not None:
            self.fail(ErrorCode.SESSION_EXPIRED, cause)
            return
        if self._lifetime.has_news(now):
            self._emit(self._standing())

    def fail(self, code: ErrorCode, reason: str) -> None:
        """End the session for a reason that its client did not give, and tell it."""
        if not self.ended:
            self._emit(out.Failed(code, reason))
            self.end(reason)

    def touch(self) -> None:
        """The caller or the agent did something: the session is not idle."""
        self._lifetime.touch(self._loop.time())

    # -- the door

    def attach(self, listener: Listener) -> None:
        """Tell ``listener`` what was missed while nobody listened, where things stand, and more."""
        self._mailbox.attach(listener, self._loop.time())
        listener.on_session_event(self._standing())
        self._switch_pcm()

    def detach(self, *, certain: bool) -> None:
        """Nobody listens for now; events are kept for whoever resumes.

        :param certain: whether the listener took leave; one that was lost may have been told in
            vain.
        """
        self._mailbox.detach(self._loop.time(), certain=certain)
        self._switch_pcm()

    def _switch_pcm(self) -> None:
        self.legs.switch_pcm(heard=self._mailbox.is_heard)

    def _emit(self, event: SessionEvent) -> None:
        for each in (self._watch, self.clients, self._record, self.observers):
            each.on_session_event(event)
        self._mailbox.tell(event, self._loop.time())

    def _standing(self) -> out.StatusChanged:
        """Where things stand, and whether the end is near."""
        return self._lifetime.standing(self.status, self._loop.time())

    def _set_status(self, status: Status, reason: str | None = None) -> None:
        if status is not self.status:
            self.status = status
            self._emit(out.StatusChanged(status, reason))

    # -- what a client may ask for

    async def offer(self, sdp: str, phone: Phone | None = None) -> str:
        """Negotiate the leg; again: renegotiation, ICE restart, or a new leg for a new peer.

        :param phone: who offers, if it may offer RTP without ICE; with no ``sdp`` we offer.
        :raises GatewayError: ``negotiation_failed``, and an earlier leg stays; ``no_session``: the
            session ended meanwhile; ``capacity``: no UDP port is free.
        """
        self.touch()
        # The leg's own tasks start here, outside of the session's root: they log under its id too.
        with structlog.contextvars.bound_contextvars(session=self.id):
            return await self.legs.offer(sdp, phone)

    async def accept_answer(self, sdp: str) -> None:
        """Of a phone, to an offer of ours. :raises GatewayError: ``negotiation_failed``."""
        await self.legs.accept_answer(sdp)

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A trickled ICE candidate; before the offer it waits in the leg that will need it."""
        await self.legs.add_candidate(candidate)

    def say(self, text: str) -> str:
        """The caller typed a line. Returns its item id."""
        self.touch()
        return self._conversation.say(text, self._loop.time())

    def press(self, keys: str) -> None:
        """The caller pressed keys of a telephone, of ``0-9*#A-D``; see :class:`Keypad`."""
        self.touch()
        for key in keys:
            self.clients.on_dtmf(key)
        self._keypad.press(keys)

    def interrupt(self) -> None:
        self.touch()
        self._conversation.interrupt(self._loop.time())

    def mute(self, muted: bool) -> None:
        """Stop (or resume) forwarding the leg's microphone; turn detection is off meanwhile. What
        :meth:`send_audio` brings is heard all the same.
        """
        self.touch()
        if muted != self._muted:
            self._muted = muted
            self.clear_audio()
            self._apply_settings()
            self._configure()

    async def send_audio(self, data: bytes, form: str | None, pays: Budget = FREE) -> SentAudio:
        """The caller's audio by another way than its leg; see :meth:`Uplink.send`."""
        self.legs.pcm.used = True
        return await self._uplink.send(data, form, pays)

    def commit_audio(self) -> None:
        """Push-to-talk released: what was said is a turn."""
        self.touch()
        self._uplink.commit(lambda: self._conversation.commit(self._loop.time()))

    def clear_audio(self) -> None:
        """Push-to-talk pressed: drop what was heard before."""
        self.touch()
        self._uplink.clear(self._conversation.clear)

    def update(self, **changes: Any) -> None:
        """Change fields of :class:`SessionSettings` in mid-call."""
        self.touch()
        self._agents.update(**changes)
        self._apply_settings()
        self._configure()

    def _configure(self) -> None:
        self._model.configure()
        if isinstance(self._agents, PassThrough) and self._model.client.connected:
            self._agents.configured()

    def _apply_settings(self) -> None:
        detection = self._agents.turn_detection or {}
        self._conversation.barge_in = bool(detection.get("interrupt_response", True))
        self._conversation.server_answers = bool(detection.get("create_response", True))
        self._conversation.replay.manual = self._muted or not detection

    # -- the model

    def _send(self, event: protocol.Event) -> None:
        self._record.on_sent(event)
        self._model.send(event)

    def on_model_status(self, status: Status, reason: str | None = None) -> None:
        self._set_status(status, reason)
        if status is Status.CONNECTED:
            self._uplink.model_connected()
        else:
            self._emit(out.Failed(ErrorCode.UPSTREAM_UNAVAILABLE, f"{reason}; trying again"))

    def on_model_changed(self, *, moved: bool | None) -> None:
        self.clients.on_model_changed(moved=moved)
        self._agents.on_model_changed()

    def on_aside_event(self, event: protocol.Event) -> None:
        if event["type"] != protocol.AUDIO_DELTA:
            self._watch.on_model_event(event)
        self.clients.on_aside_event(event)

    def on_model_event(self, event: protocol.Event) -> None:
        kind = event["type"]
        if kind == protocol.AUDIO_DELTA:
            self.clients.on_audio(event)
        if not self._playout.is_empty:
            # Also when an item ends: its last part of a frame is owed from then on.
            self.legs.wake()
        if kind == protocol.AUDIO_DELTA:
            return
        if protocol.is_sign_of_life(kind):
            self.touch()
        self._agents.on_model_event(event)
        self._watch.on_model_event(event)
        self.clients.on_model_event(event)
        if kind == protocol.SESSION_UPDATED:
            self._apply_settings()
        self._emit(out.UpstreamEvent(protocol.for_client(event)))

    # -- the leg

    def on_audio(self, pcm: bytes) -> None:
        if not self._muted:
            self._model.client.append(pcm)

    def on_dtmf(self, key: str) -> None:
        self.press(key)

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        if leg is not self.legs.offered:
            return
        self._emit(out.LegStateChanged(state.value, ICE_STATES[state]))
        if gone := state in (LegState.FAILED, LegState.CLOSED):
            self._conversation.interrupt(self._loop.time())
            if self._ends_with_leg:
                self.end(Ending.HUNG_UP if state is LegState.CLOSED else Ending.LOST)
        self._conversation.audible = not (gone and self._ends_with_leg)
        self._switch_pcm()

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        self._conversation.played(item_ids, self._loop.time())
        started = self._playout.started()
        self.clients.on_played(started)
        self._watch.on_played(started)
        self._agents.poll()

    def on_data_open(self, label: str) -> None:
        self.channel.open()

    def on_data(self, label: str, message: str) -> None:
        self.channel.receive(message)
