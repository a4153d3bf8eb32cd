from __future__ import annotations

import base64

import pytest

from gateway.core.plain_agreement import (
    PlainAgreement,
    agree_plain,
    agree_to_answer,
    needs_webrtc,
)
from gateway.core.sdp import SdpError, parse_sdp
from tests.gateway.core import offers

CODECS = ("opus", "g722", "pcmu", "pcma")
KEY = "1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(bytes(30)).decode()
HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"


def sdp(audio: str = "m=audio 4000 RTP/AVP 0", session: str = "c=IN IP4 192.0.2.1") -> str:
    return f"{HEAD}{session}\r\n{audio}\r\n"


def agreed(text: str) -> PlainAgreement:
    return agree_plain(parse_sdp(text), CODECS)


def refused(text: str, reason: str) -> None:
    with pytest.raises(SdpError, match=reason):
        agreed(text)


def test_a_phones_offer() -> None:
    agreement = agreed(offers.load("phone"))
    assert agreement.audio.codec.name == "PCMU"
    assert agreement.audio.telephone_event == 101
    assert agreement.rtp == ("198.51.100.20", 11782)
    assert agreement.rtcp == ("198.51.100.20", 11783)
    assert agreement.key is None
    assert not agreement.held


def test_a_phones_offer_with_keys() -> None:
    agreement = agreed(offers.load("phone_sdes"))
    assert agreement.audio.codec.name == "opus"
    assert agreement.rtp == ("2001:db8::c", 30000)
    assert agreement.key is not None
    assert (agreement.key.tag, agreement.key.mki) == (1, b"\0\0\0\1")


@pytest.mark.parametrize(
    ("connection", "rtp"),
    [
        ("IN IP4 192.0.2.9", ("192.0.2.9", 4000)),
        ("IN IP4 192.0.2.9/127", ("192.0.2.9", 4000)),
        ("IN IP6 ::ffff:192.0.2.9", ("192.0.2.9", 4000)),
        ("IN IP4 phone.example", None),
        ("IN IP4 224.2.1.1/127/3", None),
        ("IN IP4 255.255.255.255", None),
        ("IN IP6 ff02::1", None),
        ("nonsense", None),
    ],
)
def test_where_media_goes(connection: str, rtp: tuple[str, int] | None) -> None:
    assert agreed(sdp(session=f"c={connection}")).rtp == rtp
    # The section's own line comes first.
    section = f"m=audio 4000 RTP/AVP 0\r\nc={connection}"
    assert agreed(sdp(section, "c=IN IP4 192.0.2.77")).rtp == rtp


@pytest.mark.parametrize(
    ("lines", "rtcp", "mux"),
    [
        ("", ("192.0.2.1", 4001), False),
        ("a=rtcp:5000", ("192.0.2.1", 5000), False),
        ("a=rtcp:5000 IN IP4 192.0.2.1", ("192.0.2.1", 5000), False),
        ("a=rtcp:5000 IN IP4 203.0.113.7", ("192.0.2.1", 4001), False),
        ("a=rtcp:99999", None, False),
        ("a=rtcp-mux\r\na=rtcp:4001", ("192.0.2.1", 4000), True),
    ],
)
def test_where_rtcp_goes(lines: str, rtcp: tuple[str, int] | None, mux: bool) -> None:
    agreement = agreed(sdp(f"m=audio 4000 RTP/AVP 0\r\n{lines}"))
    assert (agreement.rtcp, agreement.rtcp_mux) == (rtcp, mux)


@pytest.mark.parametrize(
    ("direction", "address", "held", "receive"),
    [
        ("sendrecv", "192.0.2.1", False, True),
        ("recvonly", "192.0.2.1", False, False),
        ("sendonly", "192.0.2.1", True, True),
        ("inactive", "192.0.2.1", True, False),
        ("sendrecv", "0.0.0.0", True, True),
        ("sendrecv", "::", True, True),
    ],
)
def test_hold(direction: str, address: str, held: bool, receive: bool) -> None:
    agreement = agreed(sdp(f"m=audio 4000 RTP/AVP 0\r\na={direction}", f"c=IN IP4 {address}"))
    assert (agreement.held, agreement.audio.receive) == (held, receive)


def test_encryption_is_never_answered_in_clear() -> None:
    for profile in ("RTP/SAVP", "RTP/SAVPF"):
        refused(sdp(f"m=audio 4000 {profile} 0"), "no usable a=crypto")
        assert agreed(sdp(f"m=audio 4000 {profile} 0\r\na=crypto:{KEY}")).key is not None
    refused(sdp("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 NULL inline:x"), "no usable a=crypto")
    refused(sdp("m=audio 4000 UDP/TLS/RTP/SAVP 0"), "UDP/TLS/RTP/SAVP is not spoken")


def test_optional_encryption_is_taken_up() -> None:
    assert agreed(sdp(f"m=audio 4000 RTP/AVP 0\r\na=crypto:{KEY}")).key is not None
    assert agreed(sdp("m=audio 4000 RTP/AVP 0\r\na=crypto:1 NULL inline:x")).key is None
    both = agreed(sdp(f"m=audio 4000 RTP/SAVP 0\r\na=crypto:{KEY}\r\nm=audio 4000 RTP/AVP 0"))
    assert (both.audio.index, both.key is not None) == (0, True)
    both = agreed(sdp("m=audio 4000 RTP/SAVP 0\r\nm=audio 4000 RTP/AVP 0"))
    assert (both.audio.index, both.key) == (1, None)


def test_the_first_section_we_can_take_of_several() -> None:
    text = sdp("m=video 5000 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8")
    assert agreed(text).audio.index == 2
    refused(sdp("m=video 5000 RTP/AVP 96"), "no audio")
    refused(sdp("m=audio 4000 RTP/AVP 18"), "no common audio codec: G729")


@pytest.mark.parametrize("name", offers.NAMES)
def test_which_leg_an_offer_needs(name: str) -> None:
    assert needs_webrtc(parse_sdp(offers.load(name))) is (name not in offers.PLAIN)


def test_ice_without_dtls_is_answered_without_ice() -> None:
    offer = parse_sdp(sdp("m=audio 4000 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh"))
    assert not needs_webrtc(offer)


@pytest.mark.parametrize("seed", range(150))
def test_spoiled_offers_are_taken_or_refused(seed: int) -> None:
    for name in offers.PLAIN:
        text = offers.spoiled(offers.load(name), seed, edits=1 + seed % 12)
        try:
            offer = parse_sdp(text)
            needs_webrtc(offer)
            agreement = agree_plain(offer, CODECS)
        except SdpError:
            continue
        # A spoiled profile may have become the plain one; nothing else makes clear of secret.
        offered = offer.media[agreement.audio.index]
        assert agreement.key is not None or "SAVP" not in offered.protocol


class TestAnswers:
    OFFER = parse_sdp(sdp("m=audio 4000 RTP/AVP 96 9 0\r\na=rtpmap:96 opus/48000/2\r\na=rtcp-mux"))
    SECURE = parse_sdp(sdp(f"m=audio 4000 RTP/SAVP 0\r\na=crypto:{KEY}"))

    def test_a_number_of_its_own(self) -> None:
        answer = parse_sdp(sdp("m=audio 6000 RTP/AVP 120\r\na=rtpmap:120 OPUS/48000/2"))
        agreement = agree_to_answer(self.OFFER, answer, CODECS)
        assert (agreement.audio.payload_type, agreement.audio.receive_type) == (120, 96)
        assert not agreement.rtcp_mux

    @pytest.mark.parametrize(
        "audio",
        [
            "m=audio 0 RTP/AVP 0",
            "m=audio 6000 RTP/AVP 8",
            "m=video 6000 RTP/AVP 0",
            f"m=audio 6000 RTP/SAVP 0\r\na=crypto:{KEY}",
        ],
    )
    def test_no_answer_to_what_was_offered(self, audio: str) -> None:
        with pytest.raises(SdpError):
            agree_to_answer(self.OFFER, parse_sdp(sdp(audio)), CODECS)

    def test_the_section_that_is_not_rejected_counts(self) -> None:
        """Where an answer of ours is offered anew."""
        two = "m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0"
        offer = parse_sdp(sdp(two))
        assert agree_to_answer(offer, parse_sdp(sdp(two)), CODECS).audio.index == 1
        with pytest.raises(SdpError, match="sections"):
            agree_to_answer(offer, parse_sdp(sdp("m=audio 4000 RTP/AVP 0")), CODECS)

    def test_keys(self) -> None:
        def agree(audio: str) -> PlainAgreement:
            return agree_to_answer(self.SECURE, parse_sdp(sdp(audio)), CODECS)

        assert agree(f"m=audio 6000 RTP/SAVP 0\r\na=crypto:{KEY}").key is not None
        for audio in (
            "m=audio 6000 RTP/AVP 0",
            "m=audio 6000 RTP/SAVP 0",
            f"m=audio 6000 RTP/SAVP 0\r\na=crypto:2{KEY[1:]}",
            f"m=audio 6000 RTP/SAVP 0\r\na=crypto:{KEY.replace('_80', '_32')}",
        ):
            with pytest.raises(SdpError):
                agree(audio)
