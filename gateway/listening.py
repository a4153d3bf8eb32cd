"""Operators listen in on a call: both voices, one way, and nobody waits for them.

While somebody listens, the call's sound is tapped. Nothing of a listener flows back: what it says
is not heard, and one that takes nothing loses what it did not take.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS
from gateway.core.mix import Mix
from gateway.core.playout import Playout
from gateway.core.prefill import MOST
from gateway.core.replay import ReplayBuffer
from gateway.core.taps import without
from gateway.media.leg import Leg, LegState
from gateway.media.pacer import MAX_LAG
from gateway.media.ticker import Tick, Ticker
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.session_legs import close_leg
from gateway.session_offer import told_as_errors

MAX_LISTENERS: Final = 4

_HELD: Final = 2 * FRAME_SAMPLES
"""Samples that a listener's leg has in hand when a voice begins."""

_MOST_OWED: Final = MOST + FRAME_SAMPLES
"""Samples that wait for a listener whose leg takes none; then it starts afresh."""


class _Listener:
    """One operator's leg."""

    def __init__(self, media: WebRtcConfig, gone: Callable[[_Listener], object]) -> None:
        self.id = f"lis_{secrets.token_hex(12)}"
        self.leaving: asyncio.Task[None] | None = None
        """Closes its leg."""
        self._gone = gone
        self._playout = Playout(prefill_samples=_HELD)
        self._talkspurt = 0
        self.leg = WebRtcLeg(media, self, self._playout)

    def hear(self, frame: bytes | None) -> None:
        """The next frame; None: silence."""
        if self.leg.state is not LegState.CONNECTED:
            return
        if frame is None:
            self._playout.finish(str(self._talkspurt))
            return
        if self._playout.owed_samples > _MOST_OWED:
            self._playout.interrupt()
        if not self._playout.push(str(self._talkspurt), frame):
            self._talkspurt += 1
            self._playout.push(str(self._talkspurt), frame)
        self.leg.wake()

    def on_audio(self, pcm: bytes) -> None:
        """Nobody hears it."""

    def on_dtmf(self, key: str) -> None: ...

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        if state in (LegState.FAILED, LegState.CLOSED):
            self._gone(self)

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None: ...

    def on_data_open(self, label: str) -> None: ...

    def on_data(self, label: str, message: str) -> None: ...


class Listening:
    """Who listens to one call. It costs the call nothing while nobody does.

    :param playout: of the call's agent.
    :param replay: that the caller's audio passes.
    """

    def __init__(self, media: WebRtcConfig, playout: Playout, replay: ReplayBuffer) -> None:
        self._media = media
        self._playout = playout
        self._replay = replay
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker.running()
        self._listeners: dict[str, _Listener] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False
        self._mix: Mix | None = None
        self._deadline = 0.0
        self._tick: Tick | None = None

    def __len__(self) -> int:
        return len(self._listeners)

    async def add(self, offer: str) -> tuple[str, str]:
        """Let somebody listen: the listener's id, and the SDP answer.

        :raises GatewayError: ``capacity``: as many listen as may; ``negotiation_failed``;
            ``no_session``: the call has ended.
        """
        if self._closed:
            raise GatewayError(ErrorCode.NO_SESSION, "the session has ended")
        if len(self._listeners) >= MAX_LISTENERS:
            raise GatewayError(ErrorCode.CAPACITY, f"{MAX_LISTENERS} listen to the call already")
        listener = _Listener(self._media, self._forget)
        self._listeners[listener.id] = listener
        self._start()
        async with contextlib.AsyncExitStack() as unanswered:
            unanswered.push_async_callback(self._dismiss, listener)
            with told_as_errors():
                answer = await listener.leg.answer(offer)
            unanswered.pop_all()
        return listener.id, answer

    async def remove(self, listener_id: str) -> bool:
        """End one; False: there is none of that id."""
        listener = self._listeners.get(listener_id)
        if listener is None:
            return False
        await self._dismiss(listener)
        return True

    async def close(self) -> None:
        """The call ends; when this returns nothing of any listener is left."""
        self._closed = True
        for listener in list(self._listeners.values()):
            self._forget(listener)
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _dismiss(self, listener: _Listener) -> None:
        await asyncio.wait([self._forget(listener)])

    def _forget(self, listener: _Listener) -> asyncio.Task[None]:
        """Nobody hears by this leg any more; the task that closes it, which is one."""
        if listener.leaving is None:
            del self._listeners[listener.id]
            if not self._listeners:
                self._stop()
            listener.leaving = asyncio.create_task(close_leg(listener.leg), name="listener-leaves")
            self._leaving.add(listener.leaving)
            listener.leaving.add_done_callback(self._leaving.discard)
        return listener.leaving

    # -- sound

    def _start(self) -> None:
        if self._mix is not None:
            return
        self._deadline = self._loop.time()
        self._mix = Mix(self._deadline)
        self._replay.taps += (self,)
        self._playout.taps += (self,)
        self._schedule()

    def _stop(self) -> None:
        self._mix = None
        self._replay.taps = without(self._replay.taps, self)
        self._playout.taps = without(self._playout.taps, self)
        if self._tick is not None:
            self._tick.cancel()

    def _schedule(self) -> None:
        self._deadline += FRAME_SECONDS
        now = self._loop.time()
        if self._mix is not None and now - self._deadline > MAX_LAG:
            self._deadline = now + FRAME_SECONDS
            self._mix.skip_to(now)
        self._tick = self._ticker.call_at(self._deadline, self._on_tick)

    def _on_tick(self) -> None:
        if self._mix is None:
            return
        frame = self._mix.take()
        self._schedule()
        for listener in list(self._listeners.values()):
            listener.hear(frame)

    def on_heard(self, pcm: bytes, now: float) -> None:
        if self._mix is not None:
            self._mix.caller(pcm, now)

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        if self._mix is not None:
            self._mix.agent(pcm, self._loop.time(), plays_at)

    def on_recalled(self, samples: int) -> None:
        if self._mix is not None:
            self._mix.recall(samples)
