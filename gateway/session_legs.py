"""What a session does with any leg: choose it, tell how it stands and how it fares, close it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from gateway.conversation import Conversation
from gateway.core.events import CallStats
from gateway.core.media_time import to_ms
from gateway.core.playout import Playout
from gateway.core.sdp import parse_sdp
from gateway.media.leg import Leg, LegHandler, LegState
from gateway.media.pcm import PcmLeg
from gateway.media.rtp_leg import RtpConfig, RtpLeg
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.realtime.client import RealtimeClient

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


@dataclass(frozen=True, slots=True)
class Phone:
    """A caller whose signaling tells where its media may go: it may offer RTP without ICE.

    :ivar address: the IP address that its signaling comes from.
    :ivar trusted: it proved who it is.
    """

    address: str
    trusted: bool = False


OfferLeg = WebRtcLeg | RtpLeg
"""A leg that is made of an offer."""


def leg_for(
    offer: str, phone: Phone | None, media: WebRtcConfig, handler: LegHandler, playout: Playout
) -> OfferLeg:
    """The leg that an offer asks for.

    :param phone: None: whoever offers gets WebRTC, or nothing.
    :raises SdpError: the offer cannot be read.
    """
    if phone is None or not _is_plain(offer):
        return WebRtcLeg(media, handler, playout)
    config = RtpConfig(media.addresses)
    return RtpLeg(config, handler, playout, peer=phone.address, trusted=phone.trusted)


def continues(leg: OfferLeg, offer: str) -> bool:
    """Whether an offer is about a leg that is there; another one needs a new leg.

    :raises SdpError: the offer cannot be answered by any leg.
    """
    if isinstance(leg, RtpLeg):
        return _is_plain(offer) and leg.state not in (LegState.FAILED, LegState.CLOSED)
    return leg.accepts(offer)


def _is_plain(offer: str) -> bool:
    """Whether the media of an offer come without DTLS."""
    return not any(section.fingerprints for section in parse_sdp(offer).media)


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
    leg: Leg, playout: Playout, model: RealtimeClient, conversation: Conversation
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
        turn_latency_ms=conversation.turn_latency_ms,
        uplink_dropped_ms=to_ms(model.dropped_samples),
        underruns=playout.stats.underruns,
        packets_received=quality.packets_received,
        packets_mended=quality.packets_mended,
        packets_late=quality.packets_late,
        packets_sent=quality.packets_sent,
        downlink_fec=quality.sending_fec,
    )


async def close_leg(leg: Leg) -> None:
    """Wait for the end of a leg, but not for ever: its caller is told in any case."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await leg.close()
    except TimeoutError:
        log.error("leg did not close in time")
