"""Listening for the peer of one leg: in its media, its RTCP and its connectivity checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.core.liveness import LISTENING_TURN, PeerWatch, Presence
from gateway.media.ice import IcePath
from gateway.media.leg import LegEvent
from gateway.media.stream import RtpStream

log = structlog.get_logger(__name__)


async def until_gone(
    path: IcePath, rtp: RtpStream, hung_up: asyncio.Event, feed: Callable[[LegEvent], None]
) -> LegEvent:
    """Feed a leg SILENT and HEARD as they come. Returns how it ends: CLOSED when the peer hung up,
    LOST when it is gone.
    """
    hang_up = asyncio.create_task(hung_up.wait())
    loss = asyncio.create_task(_until_lost(path, rtp, feed))
    try:
        await asyncio.wait((hang_up, loss), return_when=asyncio.FIRST_COMPLETED)
        if hang_up.done():
            return LegEvent.CLOSED
        loss.result()
        return LegEvent.LOST
    finally:
        hang_up.cancel()
        loss.cancel()
        await asyncio.gather(hang_up, loss, return_exceptions=True)


async def _until_lost(path: IcePath, rtp: RtpStream, feed: Callable[[LegEvent], None]) -> None:
    """Look at each turn.

    Only what was authenticated counts: SRTP, SRTCP, and checks and answers made with the ICE
    password. The rest anybody can send.
    """
    watch, presence = PeerWatch(), Presence.HEARD
    while presence is not Presence.GONE:
        await asyncio.sleep(LISTENING_TURN)
        before = presence
        presence = watch.turn(
            (path.signs_of_life, rtp.heard),
            consents=path.consents,
            said_bye=rtp.peer_left,
            restarting=path.is_restarting,
        )
        if watch.should_ask:
            path.ask()
        if presence is not before:
            log.info("peer", presence=presence.value)
            if presence is not Presence.GONE:
                feed(LegEvent.SILENT if presence is Presence.SILENT else LegEvent.HEARD)
