from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.agreement import Agreement, agree
from gateway.core.negotiation import answer
from gateway.core.sdp import SdpError, SessionDescription, parse_sdp
from gateway.core.webrtc_offer import agree_to_webrtc_answer, webrtc_offer, webrtc_reoffer
from tests.gateway.core import offers
from tests.gateway.core.offers import Change, replaced, without
from tests.gateway.core.test_negotiation import HOST_V4, HOST_V6, local

CODECS = ("opus", "g722", "pcmu", "pcma")
OURS = local(HOST_V6, HOST_V4)
OFFER = webrtc_offer(OURS, CODECS)


def answer_of(offer: SessionDescription, *changes: Change, codecs: tuple[str, ...] = CODECS) -> str:
    """What a peer like us says to an offer."""
    read = parse_sdp(offer.format())
    text = answer(read, agree(read, codecs, telephone_event=True), local(HOST_V4)).format()
    for change in changes:
        text = change(text)
    return text


def settled(text: str, previous: Agreement | None = None) -> Agreement:
    return agree_to_webrtc_answer(OFFER, parse_sdp(text), CODECS, previous)


def test_whole_offer() -> None:
    assert OFFER.format().split("\r\n") == [
        "v=0",
        "o=- 4242 3 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS *",
        "m=audio 40001 UDP/TLS/RTP/SAVPF 96 9 0 8 101 102",
        "c=IN IP4 192.0.2.5",
        "a=candidate:1 1 udp 2130706431 2001:db8::5 40000 typ host",
        "a=candidate:2 1 udp 2130706175 192.0.2.5 40001 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:uuuu",
        "a=ice-pwd:" + "p" * 22,
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=msid:talkpath agent",
        "a=rtcp-mux",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 minptime=10;useinbandfec=1;stereo=0",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:102 telephone-event/48000",
        "a=fmtp:102 0-15",
        "a=ssrc:1234 cname:cname",
        "",
    ]
    assert parse_sdp(OFFER.format()).media == OFFER.media


@pytest.mark.parametrize(
    ("codec", "events", "rate"),
    [("opus", 102, 48_000), ("g722", 101, 8_000), ("pcmu", 101, 8_000), ("pcma", 101, 8_000)],
)
def test_the_answer_chooses_the_codec(codec: str, events: int, rate: int) -> None:
    audio = settled(answer_of(OFFER, codecs=(codec,))).audio
    assert audio is not None
    assert audio.codec.is_named(codec)
    assert (audio.telephone_event, audio.event_clock_rate) == (events, rate)
    assert (audio.send, audio.receive) == (True, True)


def test_events_are_heard_at_every_rate_that_we_offered() -> None:
    """Chromium sends those of the lowest rate, whatever the codec."""
    audio = settled(answer_of(OFFER, codecs=("opus",))).audio
    assert audio is not None
    assert audio.event_types == {101, 102}
    silent = settled(answer_of(OFFER, without("a=rtpmap:10[12].*"), codecs=("opus",))).audio
    assert silent is not None
    assert silent.event_types == frozenset()


def test_payload_types_of_the_answer_are_for_what_we_send() -> None:
    change = replaced("a=rtpmap:96 .*", "a=rtpmap:111 opus/48000/2")
    text = answer_of(OFFER, change, replaced("m=audio.*", "m=audio 9 UDP/TLS/RTP/SAVPF 111"))
    audio = settled(text).audio
    assert audio is not None
    assert (audio.payload_type, audio.receive_type) == (111, 96)


@pytest.mark.parametrize(
    ("answered", "send", "receive"),
    [("sendonly", False, True), ("recvonly", True, False), ("inactive", False, False)],
)
def test_the_answer_may_hold(answered: str, send: bool, receive: bool) -> None:
    audio = settled(answer_of(OFFER, replaced("a=sendrecv", f"a={answered}"))).audio
    assert audio is not None
    assert (audio.send, audio.receive) == (send, receive)


@pytest.mark.parametrize(("answered", "ours"), [("active", "server"), ("passive", "client")])
def test_the_answer_chooses_the_dtls_role(answered: str, ours: str) -> None:
    text = answer_of(OFFER, replaced("a=setup:.*", f"a=setup:{answered}"))
    assert settled(text).dtls_role == ours


def test_an_answer_without_a_role_waits_for_ours() -> None:
    """RFC 4145 §4: passive is the default of answers."""
    assert settled(answer_of(OFFER, without("a=setup:.*"))).dtls_role == "client"


def test_events_that_were_not_offered_are_not_taken() -> None:
    offer = webrtc_offer(OURS, ("opus",))
    text = answer_of(offer, replaced("a=rtpmap:102 .*", "a=rtpmap:102 telephone-event/16000"))
    audio = agree_to_webrtc_answer(offer, parse_sdp(text), CODECS).audio
    assert audio is not None
    assert audio.telephone_event is None


SECTION = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=rtcp-mux\r\n"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([replaced("m=audio.*", "m=audio 0 UDP/TLS/RTP/SAVPF 96")], "neither audio"),
        ([lambda text: text + SECTION], "2 m= sections answer 1"),
        ([replaced("m=audio.*", "m=video 9 UDP/TLS/RTP/SAVPF 96")], "m=video answers m=audio"),
        ([replaced("m=audio.*", "m=audio 9 RTP/AVP 96")], "the answer to UDP/TLS/RTP/SAVPF is RTP"),
        ([replaced("a=mid:0", "a=mid:1")], "a=mid"),
        ([replaced("a=group.*", "a=group:BUNDLE 0 1")], "bundles what was not offered"),
        ([replaced("a=setup:.*", "a=setup:actpass")], "a=setup:actpass answers nothing"),
        ([replaced("a=setup:.*", "a=setup:holdconn")], "a=setup:holdconn answers nothing"),
        ([without("a=fingerprint.*")], "has no a=fingerprint"),
        ([without("a=ice-ufrag.*")], "has no a=ice-ufrag"),
        ([without("a=rtcp-mux")], "has no a=rtcp-mux"),
        ([replaced("a=rtpmap:96.*", "a=rtpmap:96 speex/16000")], "no common audio codec"),
    ],
)
def test_answers_that_do_not_fit(changes: list[Change], why: str) -> None:
    with pytest.raises(SdpError, match=why):
        settled(answer_of(OFFER, *changes))


def test_a_codec_of_ours_that_was_not_offered() -> None:
    offer = webrtc_offer(OURS, ("pcmu",))
    text = answer_of(OFFER, codecs=("g722",))
    with pytest.raises(SdpError, match="G722, which was not offered"):
        agree_to_webrtc_answer(offer, parse_sdp(text), CODECS)


class TestWithinACall:
    def test_the_same_peer_may_answer_again(self) -> None:
        first = settled(answer_of(OFFER))
        assert settled(answer_of(OFFER, replaced("a=sendrecv", "a=recvonly")), first).audio

    def test_roles_stay_where_the_answer_says_none(self) -> None:
        first = settled(answer_of(OFFER))
        assert first.dtls_role == "server"
        again = settled(answer_of(OFFER, without("a=setup:.*")), first)
        assert again.dtls_role == "server"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (replaced("a=ice-ufrag:.*", "a=ice-ufrag:other"), "restarts ICE"),
            (replaced("a=fingerprint:.*", "a=fingerprint:sha-256 " + "CD:" * 31 + "CD"), "DTLS"),
            (replaced("a=setup:.*", "a=setup:passive"), "a=setup is not active"),
        ],
    )
    def test_another_one_may_not(self, change: Change, why: str) -> None:
        with pytest.raises(SdpError, match=why):
            settled(answer_of(OFFER, change), settled(answer_of(OFFER)))

    @pytest.mark.parametrize("name", offers.WEBRTC)
    def test_an_offer_of_what_was_answered(self, name: str) -> None:
        """Every section of theirs stays in its place, and a peer like us agrees to the same."""
        offered = parse_sdp(offers.load(name))
        agreement = agree(offered, CODECS, telephone_event=True)
        said = parse_sdp(answer(offered, agreement, OURS).format())
        ours = webrtc_reoffer(said, agreement, OURS)
        assert [(s.kind, s.mid, s.port) for s in ours.media] == [
            (s.kind, s.mid, s.port) for s in said.media
        ]
        for before, after in zip(said.media, ours.media, strict=True):
            assert (after.codecs, after.ice_ufrag) == (before.codecs, before.ice_ufrag)
            assert (after.candidates, after.fingerprints) == (
                before.candidates,
                before.fingerprints,
            )
            assert after.setup == ("actpass" if after.port else before.setup)
        answered = agree_to_webrtc_answer(ours, parse_sdp(answer_of(ours)), CODECS)
        assert agreement.audio is not None
        assert answered.audio is not None
        assert answered.audio.payload_type == agreement.audio.payload_type
        assert answered.audio.telephone_event == agreement.audio.telephone_event
        assert (answered.data is None) == (agreement.data is None)

    def test_an_offer_of_what_we_offered(self) -> None:
        agreement = settled(answer_of(OFFER, codecs=("pcmu",)))
        (audio,) = webrtc_reoffer(OFFER, agreement, OURS).media
        assert audio.formats == ("0", "101")
        assert webrtc_reoffer(OFFER, settled(answer_of(OFFER)), OURS).media[0].formats == (
            "96",
            "102",
        )

    def test_held_we_offer_to_speak_all_the_same(self) -> None:
        agreement = settled(answer_of(OFFER, replaced("a=sendrecv", "a=inactive")))
        assert webrtc_reoffer(OFFER, agreement, OURS).media[0].direction == "sendrecv"


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.booleans())
def test_spoiled_answers_are_taken_or_refused(seed: int, edits: int, again: bool) -> None:
    try:
        read = parse_sdp(offers.spoiled(answer_of(OFFER), seed, edits))
        agreement = agree_to_webrtc_answer(
            OFFER, read, CODECS, settled(answer_of(OFFER)) if again else None
        )
    except SdpError:
        return
    assert agreement.audio is not None
    assert agreement.fingerprints
    assert agreement.ice_ufrag
    assert agreement.data is None
    assert agreement.audio.receive_type in (96, 9, 0, 8)
