"""What an offer asks of a session: which leg, the one that is there or another, and why not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.playout import Playout
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.leg import LegHandler, LegState
from gateway.media.ports import PortsExhausted
from gateway.media.rtp_leg import RtpConfig, RtpLeg
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg

OfferLeg = WebRtcLeg | RtpLeg
"""A leg that is made of an offer."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A caller whose signaling tells where its media may go: it may offer RTP without ICE.

    :ivar address: the IP address that its signaling comes from.
    :ivar trusted: it proved who it is.
    :ivar secure: an offer of ours to it is SDES-SRTP, as keys may be told it.
    :ivar browser: an offer of ours to it is WebRTC, as nothing else is spoken there.
    """

    address: str
    trusted: bool = False
    secure: bool = False
    browser: bool = False


def leg_for(
    offer: str, phone: Phone | None, media: WebRtcConfig, handler: LegHandler, playout: Playout
) -> OfferLeg:
    """The leg that an offer asks for.

    :param offer: empty: the offer is to be ours.
    :param phone: None: whoever offers gets WebRTC, or nothing.
    :raises SdpError: the offer cannot be read.
    """
    if phone is None or (not _is_plain(offer) if offer else phone.browser):
        return WebRtcLeg(media, handler, playout)
    config = RtpConfig(media.addresses)
    return RtpLeg(config, handler, playout, peer=phone.address, trusted=phone.trusted)


def continues(leg: OfferLeg, offer: str) -> bool:
    """Whether an offer is about a leg that is there; another one needs a new leg.

    :raises SdpError: the offer cannot be answered by any leg.
    """
    if not offer:
        return leg.state not in (LegState.FAILED, LegState.CLOSED)
    if isinstance(leg, RtpLeg):
        return _is_plain(offer) and leg.state not in (LegState.FAILED, LegState.CLOSED)
    return leg.accepts(offer)


async def negotiate(leg: OfferLeg, offer: str, phone: Phone | None) -> str:
    """The answer to an offer; to none, an offer of ours to a phone (RFC 3261 §13.2.1).

    :raises SdpError: the offer cannot be answered, or there is none and no phone.
    :raises PortsExhausted: no UDP port is free.
    """
    if offer:
        return await leg.answer(offer)
    if phone is None:
        raise SdpError("an offer is needed")
    if isinstance(leg, WebRtcLeg):
        return await leg.offer()
    return await leg.offer(secure=phone.secure)


async def take_answer(leg: OfferLeg | None, answer: str) -> None:
    """Take up the answer to an offer of ours.

    :raises SdpError: it is none, or there was no offer.
    """
    if leg is None:
        raise SdpError("an answer to no offer")
    await leg.accept_answer(answer)


def _is_plain(offer: str) -> bool:
    """Whether the media of an offer come without DTLS."""
    return not any(section.fingerprints for section in parse_sdp(offer).media)


@contextlib.contextmanager
def told_as_errors() -> Iterator[None]:
    """What may go wrong in a negotiation, as the caller is told.

    :raises GatewayError: ``negotiation_failed``; ``capacity``: no UDP port is free.
    """
    try:
        yield
    except PortsExhausted as error:
        raise GatewayError(ErrorCode.CAPACITY, str(error)) from error
    except ValueError as error:  # an SdpError is one
        raise GatewayError(ErrorCode.NEGOTIATION_FAILED, str(error)) from error
