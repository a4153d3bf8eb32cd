"""Which leg an offer gets."""

import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.playout import Playout
from gateway.core.sdp import SdpError
from gateway.media.addresses import MediaAddresses
from gateway.media.ports import PortsExhausted
from gateway.media.rtp_leg import RtpLeg
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.session_offer import (
    OfferLeg,
    Phone,
    continues,
    leg_for,
    negotiate,
    take_answer,
    told_as_errors,
)
from tests.gateway.media.peers import Recorder

PLAIN = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\n"
)
DTLS = PLAIN + "a=fingerprint:sha-256 " + ":".join(["AA"] * 32) + "\r\n"


def leg(offer: str, phone: Phone | None) -> OfferLeg:
    media = WebRtcConfig(MediaAddresses(("127.0.0.1",)))
    return leg_for(offer, phone, media, Recorder(), Playout())


async def test_only_a_phone_gets_rtp_without_ice() -> None:
    """A page could have it sent to anybody."""
    phone = Phone("127.0.0.1")
    for offer, caller, kind in (
        (PLAIN, None, WebRtcLeg),
        (DTLS, None, WebRtcLeg),
        (DTLS, phone, WebRtcLeg),
        (PLAIN, phone, RtpLeg),
    ):
        made = leg(offer, caller)
        assert isinstance(made, kind)
        await made.close()


async def test_a_plain_leg_goes_on_until_it_ended_or_dtls_is_wanted() -> None:
    made = leg(PLAIN, Phone("127.0.0.1"))
    assert continues(made, PLAIN)
    assert not continues(made, DTLS)
    await made.close()
    assert not continues(made, PLAIN)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SdpError("odd"), ErrorCode.NEGOTIATION_FAILED),
        (PortsExhausted("none"), ErrorCode.CAPACITY),
    ],
)
def test_what_goes_wrong_is_told(error: Exception, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as caught, told_as_errors():
        raise error
    assert caught.value.code is code


async def test_without_an_offer_ours_is_what_the_phone_speaks() -> None:
    phone = Phone("127.0.0.1", secure=True)
    made = leg("", phone)
    ours = await negotiate(made, "", phone)
    assert "RTP/SAVP" in ours
    assert "RTP/AVP" not in ours
    with pytest.raises(SdpError):
        await take_answer(made, PLAIN)  # In clear.
    assert continues(made, "")
    await made.close()
    assert not continues(made, "")
    browser = Phone("127.0.0.1", browser=True)
    made = leg("", browser)
    assert isinstance(made, WebRtcLeg)
    assert "a=setup:actpass" in await negotiate(made, "", browser)
    with pytest.raises(SdpError):
        await take_answer(made, PLAIN)
    assert continues(made, "")
    await made.close()
    assert not continues(made, "")


async def test_pages_have_to_offer() -> None:
    made = leg("", None)
    with pytest.raises(SdpError):
        await negotiate(made, "", None)
    await made.close()
    with pytest.raises(SdpError):
        await take_answer(None, PLAIN)
