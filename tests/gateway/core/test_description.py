import pytest

from gateway.core.candidate import IceCandidate
from gateway.core.description import Codec, Fingerprint, MediaSection, SessionDescription
from gateway.core.sdp import parse_sdp

HEAD = ["v=0", "o=- 7 8 IN IP4 127.0.0.1", "s=-", "t=0 0"]


def section_lines(section: MediaSection) -> list[str]:
    """The lines of a description's only section."""
    lines = SessionDescription(7, 8, (section,)).format().split("\r\n")
    assert lines[:4] == HEAD
    assert lines[-1] == ""
    return lines[4:-1]


class TestWriting:
    def test_session_level(self) -> None:
        description = SessionDescription(
            7, 8, (), ("0", "1"), ice_lite=True, attributes=(("x", ""), ("y", "z"))
        )
        assert description.format().split("\r\n") == [
            *HEAD,
            "a=group:BUNDLE 0 1",
            "a=ice-lite",
            "a=x",
            "a=y:z",
            "",
        ]

    def test_least_section(self) -> None:
        section = MediaSection("audio", 9, "RTP/AVP", ("0",))
        assert section_lines(section) == ["m=audio 9 RTP/AVP 0", "a=sendrecv"]

    def test_audio_section(self) -> None:
        section = MediaSection(
            kind="audio",
            port=9,
            protocol="UDP/TLS/RTP/SAVPF",
            formats=("111", "110"),
            mid="0",
            direction="sendonly",
            codecs=(
                Codec("opus", 111, 48_000, 2, {"minptime": "10", "useinbandfec": "1"}),
                Codec("telephone-event", 110, 48_000, 1, {"0-15": ""}),
            ),
            ice_ufrag="ufrag",
            ice_pwd="pwd",
            ice_options=("ice2", "trickle"),
            fingerprints=(Fingerprint("sha-256", "AA:BB"),),
            setup="active",
            candidates=(IceCandidate("1", 1, "udp", 2, "192.0.2.1", 3, "host"),),
            end_of_candidates=True,
            bundle_only=True,
            rtcp_mux=True,
            ptime=20,
            maxptime=60,
            ssrc=5,
            cname="cname",
            msid="stream track",
            connection_address="2001:db8::1",
            crypto=("1 AES_CM_128_HMAC_SHA1_80 inline:key",),
            attributes=(("extmap", "1 urn:x"),),
        )
        assert section_lines(section) == [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 110",
            "c=IN IP6 2001:db8::1",
            "a=candidate:1 1 udp 2 192.0.2.1 3 typ host",
            "a=end-of-candidates",
            "a=ice-ufrag:ufrag",
            "a=ice-pwd:pwd",
            "a=ice-options:ice2 trickle",
            "a=fingerprint:sha-256 AA:BB",
            "a=setup:active",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:key",
            "a=mid:0",
            "a=bundle-only",
            "a=sendonly",
            "a=msid:stream track",
            "a=rtcp-mux",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=rtpmap:110 telephone-event/48000",
            "a=fmtp:110 0-15",
            "a=ptime:20",
            "a=maxptime:60",
            "a=ssrc:5 cname:cname",
            "a=extmap:1 urn:x",
        ]
        description = SessionDescription(7, 8, (section,))
        assert parse_sdp(description.format()) == description

    @pytest.mark.parametrize(
        ("protocol", "formats", "line"),
        [
            ("UDP/DTLS/SCTP", ("webrtc-datachannel",), "a=sctp-port:6000"),
            ("DTLS/SCTP", ("6000",), "a=sctpmap:6000 webrtc-datachannel 65535"),
        ],
    )
    def test_data_section(self, protocol: str, formats: tuple[str, ...], line: str) -> None:
        section = MediaSection(
            "application", 9, protocol, formats, sctp_port=6000, max_message_size=0
        )
        assert section_lines(section) == [
            f"m=application 9 {protocol} {formats[0]}",
            "a=sendrecv",
            line,
            "a=max-message-size:0",
        ]


@pytest.mark.parametrize(
    ("kind", "protocol", "data", "old"),
    [
        ("application", "UDP/DTLS/SCTP", True, False),
        ("application", "TCP/DTLS/SCTP", True, False),
        ("application", "DTLS/SCTP", True, True),
        ("application", "UDP/BFCP", False, False),
        ("audio", "UDP/DTLS/SCTP", False, False),
    ],
)
def test_what_is_a_data_channel(kind: str, protocol: str, data: bool, old: bool) -> None:
    section = MediaSection(kind, 9, protocol)
    assert (section.is_data_channel, section.is_old_data_channel) == (data, old)


def test_codec_names_have_no_case() -> None:
    assert Codec("Opus", 96, 48_000).is_named("oPUS")
    assert not Codec("Opus", 96, 48_000).is_named("opus2")
