"""What a session does with any leg: tell how it stands and how it fares, close it."""

from __future__ import annotations

import asyncio

import structlog

from gateway.conversation import Conversation
from gateway.core.events import CallStats
from gateway.core.media_time import to_ms
from gateway.core.playout import Playout
from gateway.core.steps import TURN
from gateway.core.usage import UsageReport
from gateway.media.leg import Leg, LegState
from gateway.media.pcm import PcmLeg
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
    )


async def close_leg(leg: Leg) -> None:
    """Wait for the end of a leg, but not for ever: its caller is told in any case."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await leg.close()
    except TimeoutError:
        log.error("leg did not close in time")
