import pytest

from gateway.core.agreement import Agreement, AudioAgreement, agree, is_ice_restart
from gateway.core.sdp import SdpError, SessionDescription, parse_sdp
from tests.gateway.core import offers
from tests.gateway.core.offers import Change, replaced, without


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

    def test_red_of_the_agreed_codec(self) -> None:
        assert agreed_audio("chromium").red == 63
        assert agreed_audio("chromium", codecs=("pcmu",)).red is None
        assert agreed_audio("firefox").red is None

    @pytest.mark.parametrize(
        ("line", "instead"),
        [
            ("a=fmtp:63.*", "a=fmtp:63 111/0"),
            ("a=fmtp:63.*", "a=fmtp:63 minptime=10"),
            ("a=fmtp:63.*", "a=x-was-fmtp"),
            ("a=rtpmap:63.*", "a=rtpmap:63 red/8000"),
        ],
    )
    def test_red_of_anything_else_is_passed_over(self, line: str, instead: str) -> None:
        audio = agreed_audio("chromium", replaced(line, instead))
        assert (audio.payload_type, audio.red) == (111, None)

    @pytest.mark.parametrize("blocks", ["111", "111/111/111/111"])
    def test_red_may_carry_any_number_of_copies(self, blocks: str) -> None:
        change = replaced("a=fmtp:63.*", f"a=fmtp:63 {blocks}")
        assert agreed_audio("chromium", change).red == 63

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
            ("phone", [], r"not WebRTC: m=audio \(RTP/AVP\) has no a=ice-ufrag, a=ice-pwd"),
            ("phone_sdes", [], r"not WebRTC: m=audio \(RTP/SAVP\)"),
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
