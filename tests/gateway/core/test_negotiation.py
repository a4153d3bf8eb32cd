from typing import Literal

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription as AiortcDescription
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.candidate import IceCandidate
from gateway.core.negotiation import (
    Agreement,
    AudioAgreement,
    LocalDescription,
    agree,
    answer,
    is_ice_restart,
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


def agreed(name: str, *changes: Change) -> Agreement:
    return agree(read(name, *changes))


def agreed_audio(
    name: str, *changes: Change, codecs: tuple[str, ...] = ("opus",)
) -> AudioAgreement:
    audio = agree(read(name, *changes), codecs).audio
    assert audio is not None
    return audio


def answered(name: str, *changes: Change, own: LocalDescription | None = None) -> str:
    offer = read(name, *changes)
    return answer(offer, agree(offer), own or local(HOST_V6, HOST_V4))


class TestAgreeing:
    @pytest.mark.parametrize(
        ("name", "audio", "payload_type", "data"),
        [
            ("aiortc", "0", 96, "1"),
            ("chromium", "0", 111, "1"),
            ("chromium_video", "0", 111, "2"),
            ("firefox", "0", 109, "1"),
            ("firefox_old", "sdparta_0", 109, "sdparta_1"),
            ("jssip", "0", 111, None),
            ("libdatachannel_whip", "0", 111, None),
            ("linphone_dtls", None, 96, None),
            ("pion", "0", 111, "1"),
            ("safari", "0", 111, "2"),
        ],
    )
    def test_real_offers(
        self, name: str, audio: str | None, payload_type: int, data: str | None
    ) -> None:
        agreement = agreed(name)
        assert agreement.audio is not None
        assert agreement.audio.mid == audio
        assert agreement.audio.payload_type == agreement.audio.codec.payload_type == payload_type
        assert agreement.audio.codec.is_named("OPUS")
        assert (agreement.data and agreement.data.mid) == data
        assert agreement.dtls_role == "client"
        assert agreement.ice_ufrag
        assert agreement.ice_pwd
        assert agreement.fingerprints

    @pytest.mark.parametrize(
        ("direction", "send", "receive"),
        [
            ("sendrecv", True, True),
            ("sendonly", False, True),
            ("recvonly", True, False),
            ("inactive", False, False),
        ],
    )
    def test_direction_is_mirrored(self, direction: str, send: bool, receive: bool) -> None:
        audio = agreed_audio("chromium", replaced("a=sendrecv", f"a={direction}"))
        assert (audio.send, audio.receive) == (send, receive)

    @pytest.mark.parametrize(
        ("offered", "ours"),
        [("actpass", "client"), ("active", "server"), ("passive", "client")],
    )
    def test_dtls_role(self, offered: str, ours: str) -> None:
        assert agreed("chromium", replaced("a=setup:.*", f"a=setup:{offered}")).dtls_role == ours

    def test_dtls_role_when_none_is_offered(self) -> None:
        assert agreed("chromium", without("a=setup:.*")).dtls_role == "client"

    def test_of_our_codecs_the_first_offered_is_taken(self) -> None:
        assert agreed_audio("chromium", codecs=("PCMA", "pcmu", "Opus")).payload_type == 111
        assert agreed_audio("chromium", codecs=("pcma", "PCMU")).payload_type == 0

    def test_payload_types_that_look_like_rtcp_are_passed_over(self) -> None:
        audio = agreed_audio(
            "chromium",
            replaced("m=audio .*", "m=audio 9 UDP/TLS/RTP/SAVPF 72 111"),
            replaced("a=rtpmap:63 .*", "a=rtpmap:72 opus/48000/2"),
        )
        assert audio.payload_type == 111

    @pytest.mark.parametrize(
        ("name", "payload_type"),
        [
            ("chromium", 110),  # Of Opus's clock rate; 126 is of another.
            ("firefox", 101),  # No other is offered.
            ("pion", None),
        ],
    )
    def test_telephone_events_when_asked_for(self, name: str, payload_type: int | None) -> None:
        assert agreed_audio(name).telephone_event is None
        audio = agree(read(name), telephone_event=True).audio
        assert audio is not None
        assert audio.telephone_event == payload_type

    def test_telephone_events_of_the_clock_rate_come_first(self) -> None:
        change = replaced("m=audio .*", "m=audio 9 UDP/TLS/RTP/SAVPF 126 111 110")
        audio = agree(read("chromium", change), telephone_event=True).audio
        assert audio is not None
        assert audio.telephone_event == 110

    @pytest.mark.parametrize(
        ("lines", "ptime"),
        [
            ("a=ptime:60", 60),
            ("a=ptime:60\r\na=maxptime:40", 40),
            ("a=maxptime:0", 20),
            ("a=ptime:3", 10),
            ("a=ptime:500", 120),
            ("a=ptime:x", 20),
        ],
    )
    def test_packet_time(self, lines: str, ptime: int) -> None:
        assert agreed_audio("chromium", replaced("a=mid:0", f"a=mid:0\r\n{lines}")).ptime == ptime

    @pytest.mark.parametrize(
        ("name", "changes", "size"),
        [
            ("chromium", [], 262_144),
            ("chromium", [replaced("a=max-message-size:.*", "a=max-message-size:0")], 0),
            ("chromium", [without("a=sctp-port:.*")], 262_144),
            ("firefox_old", [], 65_536),
        ],
    )
    def test_data_channel_association(self, name: str, changes: list[Change], size: int) -> None:
        data = agreed(name, *changes).data
        assert data is not None
        assert (data.sctp_port, data.max_message_size) == (5000, size)

    def test_data_channel_alone(self) -> None:
        agreement = agreed("chromium", replaced("m=audio .*", "m=audio 0 UDP/TLS/RTP/SAVPF 111"))
        assert agreement.audio is None
        assert agreement.data is not None
        assert agreement.bundle == ("1",)

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("chromium", without("a=group:.*")),
            ("chromium", replaced("a=group:BUNDLE.*", "a=group:BUNDLE 0")),
            ("firefox", without("a=group:.*")),
            ("firefox", without("a=bundle-only")),
        ],
    )
    def test_data_channel_without_our_transport_is_left(self, name: str, change: Change) -> None:
        agreement = agreed(name, change)
        assert agreement.audio is not None
        assert agreement.data is None


class TestRemoteTransport:
    def test_is_that_of_the_first_accepted_section(self) -> None:
        """Not the tagged one's, if that is rejected and each section has its own still."""
        head, audio, video, data = offers.load("chromium_video").split("m=")
        text = "m=".join(
            [
                head.replace("BUNDLE 0 1 2", "BUNDLE 1 2 0"),
                video.replace("ice-ufrag:e/Pn", "ice-ufrag:video"),
                audio,
                data.replace("ice-ufrag:e/Pn", "ice-ufrag:data"),
            ]
        )
        agreement = agree(parse_sdp(text))
        assert agreement.ice_ufrag == "data"
        assert agreement.bundle == ("2", "0")

    def test_is_that_of_the_tagged_section_where_others_say_nothing(self) -> None:
        head, audio, video, data = offers.load("chromium_video").split("m=")
        bare = without("a=(ice-|fingerprint|setup|rtcp-mux).*")
        text = "m=".join([head.replace("BUNDLE 0 1 2", "BUNDLE 1 0"), bare(audio), video, data])
        agreement = agree(parse_sdp(text))
        assert agreement.audio is not None
        assert (agreement.ice_ufrag, len(agreement.fingerprints)) == ("e/Pn", 1)
        assert agreement.bundle == ("0",)

    def test_candidates_may_be_listed_in_another_section(self) -> None:
        text = offers.load("chromium_video").replace("m=audio 9", "m=audio 0")
        agreement = agree(parse_sdp(text))
        assert agreement.audio is None
        assert [c.port for c in agreement.candidates] == [52242]

    def test_candidates_of_rtcp_are_left_out(self) -> None:
        agreement = agreed("pion")
        assert [c.type for c in agreement.candidates] == ["host", "srflx"]
        assert agreement.end_of_candidates

    def test_candidates_that_never_were_do_not_end(self) -> None:
        agreement = agreed("pion", without("a=candidate:.*"))
        assert agreement.candidates == ()
        assert not agreement.end_of_candidates

    def test_ice_lite(self) -> None:
        assert agreed("chromium", replaced("s=-", "s=-\r\na=ice-lite")).ice_lite
        assert not agreed("chromium").ice_lite

    def test_new_credentials_restart_ice(self) -> None:
        before = agreed("chromium")
        assert not is_ice_restart(before, agreed("chromium", without("a=candidate:.*")))
        for name in ("ufrag", "pwd"):
            change = replaced(f"a=ice-{name}:.*", f"a=ice-{name}:new")
            assert is_ice_restart(before, agreed("chromium", change))


class TestRefusing:
    @pytest.mark.parametrize(
        ("name", "changes", "reason"),
        [
            ("phone", [], r"not a WebRTC offer: m=audio \(RTP/AVP\) has no a=ice-ufrag, a=ice-pwd"),
            ("phone_sdes", [], r"not a WebRTC offer: m=audio \(RTP/SAVP\)"),
            ("chromium", [without("a=ice-pwd:.*")], "no a=ice-pwd$"),
            ("chromium", [without("a=fingerprint:.*")], "no a=fingerprint$"),
            ("chromium", [without("a=rtcp-mux")], "rtcp-mux"),
            ("chromium", [replaced("a=setup:.*", "a=setup:holdconn")], "holdconn"),
            ("chromium", [without("a=rtpmap:111 .*")], "codec: red, G722, .* on offer, not opus"),
            ("chromium", [replaced("a=rtpmap:111 .*", "a=rtpmap:111 opus/16000")], "codec: opus"),
            ("chromium", [replaced("m=audio .*", "m=audio 9 RTP/AVP 99")], "codec: none known"),
            ("jssip", [replaced("m=audio .*", "m=audio 0 RTP/AVP 0")], "neither audio nor a data"),
            ("jssip", [replaced("m=audio .*", "m=video 9 RTP/AVP 0")], "neither audio nor a data"),
            (
                "jssip",
                [
                    without("a=group:.*"),
                    replaced("m=audio .*", "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=bundle-only"),
                ],
                "neither audio nor a data",
            ),
        ],
    )
    def test_reason_is_told(self, name: str, changes: list[Change], reason: str) -> None:
        with pytest.raises(SdpError, match=reason):
            agreed(name, *changes)


class TestAnswering:
    def test_whole_answer_to_chromium(self) -> None:
        assert answered("chromium_video", own=local(HOST_V6, HOST_V4)).split("\r\n") == [
            "v=0",
            "o=- 4242 3 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0 2",
            "a=msid-semantic: WMS *",
            "m=audio 40001 UDP/TLS/RTP/SAVPF 111",
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
        reply = parse_sdp(answer(offer, agreement, local(HOST_V4)))
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
        assert f"\r\nm=audio {port} UDP/TLS/RTP/SAVPF 111\r\nc=IN {version} {address}\r\n" in text

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

    def test_telephone_events(self) -> None:
        offer = read("chromium")
        text = answer(offer, agree(offer, telephone_event=True), local(HOST_V4))
        assert "m=audio 40001 UDP/TLS/RTP/SAVPF 111 110\r\n" in text
        assert "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n" in text

    def test_other_codecs_have_no_opus_parameters(self) -> None:
        offer = read("chromium")
        text = answer(offer, agree(offer, ("PCMU",)), local(HOST_V4))
        assert "m=audio 40001 UDP/TLS/RTP/SAVPF 0\r\n" in text
        assert "a=rtpmap:0 PCMU/8000\r\n" in text
        assert "fmtp" not in text

    def test_second_audio_section_is_rejected(self) -> None:
        """Even when it is the very same as the first."""
        text = offers.load("linphone_dtls")
        doubled = parse_sdp(text + text[text.index("m=audio") :])
        assert doubled.media[0] == doubled.media[1]
        reply = parse_sdp(answer(doubled, agree(doubled), local(HOST_V4)))
        assert [section.port for section in reply.media] == [40_001, 0]

    def test_section_that_only_names_its_kind_is_rejected_in_full(self) -> None:
        text = offers.load("linphone_dtls") + "m=video 0\r\nm=image 5 udptl t38\r\n"
        offer = parse_sdp(text)
        reply = answer(offer, agree(offer), local(HOST_V4))
        assert "m=video 0 RTP/AVP 0\r\n" in reply
        assert "m=image 0 UDPTL t38\r\n" in reply


class TestAiortc:
    @pytest.mark.parametrize("name", offers.WEBRTC)
    def test_parses_the_answer(self, name: str) -> None:
        media = AiortcDescription.parse(answered(name)).media
        assert len(media) == len(read(name).media)
        audio = media[0]
        assert [codec.mimeType for codec in audio.rtp.codecs] == ["audio/opus"]
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
            reply = answer(offer, agree(offer), local(HOST_V4))
            await peer.setRemoteDescription(RTCSessionDescription(reply, "answer"))
            assert peer.signalingState == "stable"
            assert [t.currentDirection for t in peer.getTransceivers()] == directions
        finally:
            await peer.close()


@given(st.sampled_from(offers.NAMES), st.integers(0, 2**32), st.integers(1, 8))
def test_spoiled_offers_are_answered_or_refused(name: str, seed: int, edits: int) -> None:
    try:
        offer = parse_sdp(offers.spoiled(offers.load(name), seed, edits))
        agreement = agree(offer, telephone_event=True)
    except SdpError:
        return
    reply = parse_sdp(answer(offer, agreement, local(HOST_V4)))
    assert [s.mid for s in reply.media] == [s.mid for s in offer.media]
    assert sum(s.port != 0 for s in reply.media) in (1, 2)
