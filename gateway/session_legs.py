"""The legs of a session: the one that was offered, and the voice over signaling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway import session_offer
from gateway.conversation import Conversation
from gateway.core.candidate import IceCandidate
from gateway.core.events import CallStats, ErrorCode, GatewayError
from gateway.core.media_time import to_ms
from gateway.core.playout import Playout
from gateway.core.steps import TURN
from gateway.core.usage import UsageReport
from gateway.media.leg import Leg, LegHandler, LegState
from gateway.media.pcm import PcmLeg
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.realtime.client import RealtimeClient
from gateway.session_offer import OfferLeg, Phone, told_as_errors
from gateway.session_proposal import Proposal

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT = 5.0
"""Seconds that a leg may take to close."""

ICE_STATES = {
    LegState.NEW: "new",
    LegState.CONNECTING: "checking",
    LegState.CONNECTED: "connected",
    LegState.DISCONNECTED: "disconnected",
    LegState.FAILED: "failed",
    LegState.CLOSED: "closed",
}
"""W3C ``iceConnectionState``."""

_MEASURED = (LegState.CONNECTED, LegState.DISCONNECTED)


def carries_voice(leg: Leg | None) -> bool:
    """Whether the caller hears the agent by this leg: also while it connects, or is not heard of,
    when the answer waits for it.
    """
    silent = (LegState.NEW, LegState.FAILED, LegState.CLOSED)
    return leg is not None and leg.state not in silent


def measured_leg(leg: Leg | None, pcm: PcmLeg) -> Leg | None:
    """The leg that ``call_stats`` are about: what a peer connected, or else the voice over
    signaling once there was any.
    """
    if leg is not None and leg.state in _MEASURED:
        return leg
    return pcm if pcm.used and pcm.state is LegState.CONNECTED else None


def call_stats(
    leg: Leg,
    playout: Playout,
    model: RealtimeClient,
    conversation: Conversation,
    usage: UsageReport,
) -> CallStats:
    """How a call fares now."""
    quality = leg.stats()
    return CallStats(
        rtt_ms=quality.rtt_ms,
        jitter_ms=quality.jitter_ms,
        loss_percent=quality.loss_percent,
        remote_loss_percent=quality.remote_loss_percent,
        concealed_percent=quality.concealed_percent,
        buffer_ms=to_ms(playout.owed_samples),
        turn_latency_ms=conversation.steps.last_ms(TURN),
        uplink_dropped_ms=to_ms(model.dropped_samples),
        underruns=playout.stats.underruns,
        packets_received=quality.packets_received,
        packets_mended=quality.packets_mended,
        packets_late=quality.packets_late,
        packets_sent=quality.packets_sent,
        downlink_fec=quality.sending_fec,
        usage=usage,
        steps=conversation.steps.report(),
        packets_lost=quality.packets_lost,
        packets_held=quality.packets_held,
        sound_ms=quality.sound_ms,
        concealed_ms=quality.concealed_ms,
    )


async def close_leg(leg: Leg) -> None:
    """Wait for the end of a leg, but not for ever: its caller is told in any case."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await leg.close()
    except TimeoutError:
        log.error("leg did not close in time")


class SessionLegs:
    """What carries the caller of one session.

    :param ended: whether the session is over: nothing is negotiated any more.
    :param rate: of ``speak``, in Hz.
    :param speak: takes PCM16 for a client that listens and has no other leg.
    :param watch: is told of each leg that may carry the caller.
    """

    def __init__(
        self,
        media: WebRtcConfig,
        handler: LegHandler,
        playout: Playout,
        ended: Callable[[], bool],
        rate: int,
        speak: Callable[[bytes], None],
        watch: Callable[[OfferLeg], None] = lambda leg: None,
    ) -> None:
        self._watch = watch
        self.offered: OfferLeg | None = None
        """The leg that was negotiated last."""
        self.pcm = PcmLeg(playout, handler, rate, speak)
        self.ends_with: list[Callable[[], Awaitable[None]]] = []
        """Awaited at the end: they close what is on the line besides the caller."""
        self._media = media
        self._handler = handler
        self._playout = playout
        self._ended = ended
        # One negotiation at a time, and none while the session closes: what it starts would stay.
        self._negotiating = asyncio.Lock()

    @property
    def measured(self) -> Leg | None:
        """The leg that ``call_stats`` are about."""
        return measured_leg(self.offered, self.pcm)

    @property
    def codec(self) -> str | None:
        """That the caller is heard by; ``pcm16``: over signaling; None: by none yet."""
        if self.offered is not None and self.offered.state is not LegState.CLOSED:
            return self.offered.codec
        return "pcm16" if self.pcm.used else None

    def wake(self) -> None:
        """Audio is owed."""
        self.pcm.wake()
        if self.offered is not None:
            self.offered.wake()

    def switch_pcm(self, *, heard: bool) -> None:
        """Speak over signaling if somebody hears that, and nothing else carries the voice."""
        self.pcm.switch(heard and not carries_voice(self.offered))

    @property
    def data_channel(self) -> Leg | None:
        """The leg whose caller opened a data channel."""
        return self.offered if self.offered is not None and self.offered.data_open else None

    async def offer(self, sdp: str, phone: Phone | None) -> str:
        """Negotiate; see :meth:`gateway.session.Session.offer`."""
        async with self._negotiating:
            if self._ended():
                raise GatewayError(ErrorCode.NO_SESSION, "the session has ended")
            with told_as_errors():
                if self.offered is not None and session_offer.continues(self.offered, sdp):
                    return await session_offer.negotiate(self.offered, sdp, phone)
                return await self._replace(sdp, phone)

    async def _replace(self, sdp: str, phone: Phone | None) -> str:
        old = self.offered
        leg = session_offer.leg_for(sdp, phone, self._media, self._handler, self._playout)
        self._watch(leg)
        self.offered = leg
        try:
            answer = await session_offer.negotiate(leg, sdp, phone)
        except BaseException:
            self.offered = old
            await close_leg(leg)
            raise
        if old is not None:
            await close_leg(old)
        return answer

    async def accept_answer(self, sdp: str) -> None:
        """To an offer of ours. :raises GatewayError: ``negotiation_failed``."""
        async with self._negotiating:
            with told_as_errors():
                await session_offer.take_answer(self.offered, sdp)

    def propose(self, phone: Phone) -> Proposal:
        """A leg for a phone that is called; there may be several."""
        return Proposal(phone, self._media, self._handler, self._playout)

    async def adopt(self, proposal: Proposal, answer: str) -> None:
        """The caller is at this phone from now on.

        :raises GatewayError: ``negotiation_failed``; ``no_session``: the session has ended.
        """
        async with self._negotiating:
            if self._ended():
                raise GatewayError(ErrorCode.NO_SESSION, "the session has ended")
            self._watch(proposal.leg)
            await proposal.adopt(answer)
            old, self.offered = self.offered, proposal.leg
            self._handler.on_leg_state(proposal.leg, proposal.leg.state)
            if old is not None:
                await close_leg(old)

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A trickled ICE candidate; before the offer it waits in the leg that will need it."""
        if self.offered is None:
            self.offered = WebRtcLeg(self._media, self._handler, self._playout)
            self._watch(self.offered)
        if isinstance(self.offered, WebRtcLeg):
            await self.offered.add_candidate(candidate)

    async def close(self) -> None:
        """Hang up, whatever carries the caller."""
        await self.pcm.close()
        async with self._negotiating:
            if self.offered is not None:
                await close_leg(self.offered)
        for end in self.ends_with:
            await end()
