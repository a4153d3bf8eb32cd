from typing import Literal

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription as AiortcDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.candidate import IceCandidate
from gateway.core.negotiation import (
    LocalDescription,
    agree,
    answer,
)
from gateway.core.sdp import Fingerprint, SdpError, SessionDescription, parse_sdp
from tests.gateway.core import offers
from tests.gateway.core.offers import Change, replaced, without

HOST_V6 = IceCandidate("1", 1, "udp", 2130706431, "2001:db8::5", 40_000, "host")
HOST_V4 = IceCandidate("2", 1, "udp", 2130706175, "192.0.2.5", 40_001, "host")
RELAY = IceCandidate("3", 1, "udp", 16777215, "203.0.113.5", 40_002, "relay", "192.0.2.5", 40_001)


def local(
    *candidates: IceCandidate, setup: Literal["active", "passive"] | None = None
) -> LocalDescription:
    return LocalDescription(
        session_id=4242,
        version=3,
        ice_ufrag="uuuu",
        ice_pwd="p" * 22,
        fingerprint=Fingerprint("sha-256", ":".join(["AB"] * 32)),
        candidates=candidates,
        ssrc=1234,
        cname="cname",
        stream_id="talkpath",
        track_id="agent",
        setup=setup,
    )


def read(name: str, *changes: Change) -> SessionDescription:
    return parse_sdp(offers.load(name, *changes))


def answered(name: str, *changes: Change, own: LocalDescription | None = None) -> str:
    offer = read(name, *changes)
    return answer(offer, agree(offer), own or local(HOST_V6, HOST_V4)).format()


class TestAnswering:
    def test_whole_answer_to_chromium(self) -> None:
        assert answered("chromium_video", own=local(HOST_V6, HOST_V4)).split("\r\n") == [
            "v=0",
            "o=- 4242 3 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0 2",
            "a=msid-semantic: WMS *",
            "m=audio 40001 UDP/TLS/RTP/SAVPF 111 63",
            "c=IN IP4 192.0.2.5",
            "a=candidate:1 1 udp 2130706431 2001:db8::5 40000 typ host",
            "a=candidate:2 1 udp 2130706175 192.0.2.5 40001 typ host",
            "a=end-of-candidates",
            "a=ice-ufrag:uuuu",
            "a=ice-pwd:" + "p" * 22,
            "a=ice-options:trickle",
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
            "a=setup:active",
            "a=mid:0",
            "a=sendrecv",
            "a=msid:talkpath agent",
            "a=rtcp-mux",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1;stereo=0",
            "a=rtpmap:63 red/48000/2",
            "a=fmtp:63 111/111",
            "a=ssrc:1234 cname:cname",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "c=IN IP4 0.0.0.0",
            "a=ice-ufrag:uuuu",
            "a=ice-pwd:" + "p" * 22,
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
            "a=setup:active",
            "a=mid:1",
            "a=inactive",
            "a=rtcp-mux",
            "a=rtpmap:96 VP8/90000",
            "m=application 40001 UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 192.0.2.5",
            "a=ice-ufrag:uuuu",
            "a=ice-pwd:" + "p" * 22,
            "a=ice-options:trickle",
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
            "a=setup:active",
            "a=mid:2",
            "a=sendrecv",
            "a=sctp-port:5000",
            "a=max-message-size:65536",
            "",
        ]

    @pytest.mark.parametrize("name", offers.WEBRTC)
    def test_has_a_section_for_each_offered(self, name: str) -> None:
        offer = read(name)
        agreement = agree(offer)
        reply = parse_sdp(answer(offer, agreement, local(HOST_V4)).format())
        assert [(s.kind, s.mid, s.protocol) for s in reply.media] == [
            (s.kind, s.mid, s.protocol) for s in offer.media
        ]
        accepted = {part.index for part in (agreement.audio, agreement.data) if part is not None}
        assert {i for i, s in enumerate(reply.media) if s.port != 0} == accepted
        assert reply.bundle == agreement.bundle
        assert set(reply.bundle) <= {reply.media[i].mid for i in accepted}
        assert {s.setup for s in reply.media} == {"active"}
        assert sum(len(s.candidates) for s in reply.media) == 1

    def test_without_bundle_has_none(self) -> None:
        text = answered("chromium", without("a=group:.*"))
        assert "BUNDLE" not in text
        audio, data = parse_sdp(text).media
        assert (audio.port, data.port) == (40_001, 0)
        assert audio.end_of_candidates

    def test_lists_candidates_in_the_section_that_is_tagged(self) -> None:
        change = replaced("a=group:BUNDLE.*", "a=group:BUNDLE 1 0")
        audio, data = parse_sdp(answered("chromium", change)).media
        assert (audio.candidates, audio.end_of_candidates) == ((), False)
        assert (data.candidates, data.end_of_candidates) == ((HOST_V6, HOST_V4), True)

    @pytest.mark.parametrize(
        ("candidates", "destination"),
        [
            ([], ("0.0.0.0", 9)),
            ([HOST_V6], ("2001:db8::5", 40_000)),
            ([HOST_V6, HOST_V4], ("192.0.2.5", 40_001)),
            ([HOST_V6, HOST_V4, RELAY], ("203.0.113.5", 40_002)),
            ([IceCandidate("4", 1, "udp", 9, "x.local", 9, "host")], ("0.0.0.0", 9)),
            ([IceCandidate("4", 1, "tcp", 9, "192.0.2.5", 9, "host")], ("0.0.0.0", 9)),
        ],
    )
    def test_default_destination(
        self, candidates: list[IceCandidate], destination: tuple[str, int]
    ) -> None:
        address, port = destination
        version = "IP6" if ":" in address else "IP4"
        text = answered("jssip", own=local(*candidates))
        assert (
            f"\r\nm=audio {port} UDP/TLS/RTP/SAVPF 111 63\r\nc=IN {version} {address}\r\n" in text
        )

    @pytest.mark.parametrize(
        ("offered", "ours", "announced"),
        [
            ("sendrecv", "sendrecv", True),
            ("sendonly", "recvonly", False),
            ("recvonly", "sendonly", True),
            ("inactive", "inactive", False),
        ],
    )
    def test_direction(self, offered: str, ours: str, announced: bool) -> None:
        text = answered("chromium", replaced("a=sendrecv", f"a={offered}"))
        audio = parse_sdp(text).media[0]
        assert audio.direction == ours
        assert (audio.msid is not None, audio.ssrc is not None) == (announced, announced)

    def test_old_data_channel_in_its_old_form(self) -> None:
        change = replaced("m=application .*", "m=application 9 DTLS/SCTP 6000")
        text = answered("firefox_old", change)
        assert "m=application 40001 DTLS/SCTP 5000\r\n" in text
        assert "a=sctpmap:5000 webrtc-datachannel " in text
        assert "a=sctp-port" not in text

    def test_says_nothing_of_trickling_unless_offered(self) -> None:
        assert "a=ice-options:trickle" in answered("chromium")
        assert "ice-options" not in answered("pion")

    def test_accepts_no_header_extension_and_no_feedback(self) -> None:
        for name in offers.WEBRTC:
            text = answered(name)
            assert "extmap" not in text
            assert "rtcp-fb" not in text
            assert "rtcp-rsize" not in text

    @pytest.mark.parametrize(("offered", "ours"), [("passive", "active"), ("active", "passive")])
    def test_dtls_role_complements_the_offered(self, offered: str, ours: str) -> None:
        text = answered("chromium", replaced("a=setup:.*", f"a=setup:{offered}"))
        assert {s.setup for s in parse_sdp(text).media} == {ours}

    def test_role_in_force_is_kept(self) -> None:
        reply = parse_sdp(answered("chromium", own=local(HOST_V4, setup="passive")))
        assert {s.setup for s in reply.media} == {"passive"}

    @pytest.mark.parametrize("order", ["111 63", "63 111"])
    def test_red_stands_where_the_offerer_put_it(self, order: str) -> None:
        audio = parse_sdp(
            answered("chromium", replaced("m=audio.*", f"m=audio 9 UDP/TLS/RTP/SAVPF {order}"))
        )
        assert audio.media[0].formats == tuple(order.split())
        parameters = {codec.name: codec.parameters for codec in audio.media[0].codecs}
        assert parameters["red"] == {"111/111": ""}
        assert parameters["opus"]["useinbandfec"] == "1"

    def test_telephone_events(self) -> None:
        offer = read("chromium")
        text = answer(offer, agree(offer, telephone_event=True), local(HOST_V4)).format()
        assert "m=audio 40001 UDP/TLS/RTP/SAVPF 111 63 110\r\n" in text
        assert "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n" in text

    def test_other_codecs_have_no_opus_parameters(self) -> None:
        offer = read("chromium")
        text = answer(offer, agree(offer, ("PCMU",)), local(HOST_V4)).format()
        assert "m=audio 40001 UDP/TLS/RTP/SAVPF 0\r\n" in text
        assert "a=rtpmap:0 PCMU/8000\r\n" in text
        assert "fmtp" not in text

    def test_second_audio_section_is_rejected(self) -> None:
        """Even when it is the very same as the first."""
        text = offers.load("linphone_dtls")
        doubled = parse_sdp(text + text[text.index("m=audio") :])
        assert doubled.media[0] == doubled.media[1]
        reply = parse_sdp(answer(doubled, agree(doubled), local(HOST_V4)).format())
        assert [section.port for section in reply.media] == [40_001, 0]

    def test_section_that_only_names_its_kind_is_rejected_in_full(self) -> None:
        text = offers.load("linphone_dtls") + "m=video 0\r\nm=image 5 udptl t38\r\n"
        offer = parse_sdp(text)
        reply = answer(offer, agree(offer), local(HOST_V4)).format()
        assert "m=video 0 RTP/AVP 0\r\n" in reply
        assert "m=image 0 UDPTL t38\r\n" in reply


class TestAiortc:
    @pytest.mark.parametrize("name", offers.WEBRTC)
    def test_parses_the_answer(self, name: str) -> None:
        media = AiortcDescription.parse(answered(name)).media
        assert len(media) == len(read(name).media)
        audio = media[0]
        names = [codec.mimeType for codec in audio.rtp.codecs]
        assert names in (["audio/opus"], ["audio/opus", "audio/red"])
        assert audio.dtls is not None
        assert audio.dtls.role == "client"
        assert audio.ice is not None
        assert audio.ice.usernameFragment == "uuuu"

    @pytest.mark.parametrize(
        ("kinds", "directions"),
        [
            (["audio", "data"], ["sendrecv"]),
            (["data"], []),
            (["audio", "video", "data"], ["sendrecv", "inactive"]),
            (["video", "audio"], ["inactive", "sendrecv"]),
            (["audio", "audio"], ["sendrecv", "inactive"]),
        ],
    )
    async def test_accepts_the_answer(self, kinds: list[str], directions: list[str]) -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            for kind in kinds:
                if kind == "data":
                    peer.createDataChannel("oai-events")
                else:
                    peer.addTransceiver(kind)
            await peer.setLocalDescription(await peer.createOffer())
            offer = parse_sdp(peer.localDescription.sdp)
            reply = answer(offer, agree(offer), local(HOST_V4)).format()
            await peer.setRemoteDescription(RTCSessionDescription(reply, "answer"))
            assert peer.signalingState == "stable"
            assert [t.currentDirection for t in peer.getTransceivers()] == directions
        finally:
            await peer.close()


@settings(deadline=None)
@given(st.sampled_from(offers.NAMES), st.integers(0, 2**32), st.integers(1, 8))
def test_spoiled_offers_are_answered_or_refused(name: str, seed: int, edits: int) -> None:
    try:
        offer = parse_sdp(offers.spoiled(offers.load(name), seed, edits))
        agreement = agree(offer, telephone_event=True)
    except SdpError:
        return
    reply = parse_sdp(answer(offer, agreement, local(HOST_V4)).format())
    assert [s.mid for s in reply.media] == [s.mid for s in offer.media]
    assert sum(s.port != 0 for s in reply.media) in (1, 2)
