import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import sdp
from gateway.core.sdp import Codec, Fingerprint, MediaSection, SdpError, parse_sdp
from tests.gateway.core import offers
from tests.gateway.core.offers import Change, replaced, without

MINIMAL = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n"


def audio_of(text: str) -> MediaSection:
    return parse_sdp(text).media[0]


class TestRealOffers:
    def test_chromium(self) -> None:
        offer = parse_sdp(offers.load("chromium"))
        audio, data = offer.media
        assert offer.session_id == 7975102845152638892
        assert (offer.version, offer.bundle, offer.ice_lite) == (2, ("0", "1"), False)
        assert (audio.kind, audio.port, audio.protocol) == ("audio", 9, "UDP/TLS/RTP/SAVPF")
        assert (audio.mid, audio.direction, audio.setup) == ("0", "sendrecv", "actpass")
        assert (audio.ice_ufrag, audio.ice_pwd) == ("NRju", "7aJkpjffPBCkFIRsu0+6V6F+")
        assert audio.ice_options == ("trickle",)
        assert audio.fingerprints[0].algorithm == "sha-256"
        assert audio.rtcp_mux
        assert not audio.end_of_candidates
        assert [c.is_mdns for c in audio.candidates] == [True]
        assert [c.payload_type for c in audio.codecs] == [111, 63, 9, 0, 8, 13, 110, 126]
        opus = Codec("opus", 111, 48_000, 2, {"minptime": "10", "useinbandfec": "1"})
        assert audio.codecs[0] == opus
        assert (audio.ssrc, audio.cname) == (21989381, "WSxQBWsULiiAWdyo")
        assert audio.msid == "- a443dec2-f009-4069-b500-d5d6d474a8bf"
        assert ("extmap", "4 urn:ietf:params:rtp-hdrext:sdes:mid") in audio.attributes
        assert data.is_data_channel
        assert not data.is_old_data_channel
        assert (data.sctp_port, data.max_message_size) == (5000, 262_144)

    def test_firefox_states_its_fingerprint_once_for_all(self) -> None:
        audio, data = parse_sdp(offers.load("firefox")).media
        assert audio.fingerprints == data.fingerprints != ()
        assert data.ice_options == ("trickle",)
        assert (data.port, data.bundle_only) == (0, True)

    def test_firefox_before_rfc_8841(self) -> None:
        data = parse_sdp(offers.load("firefox_old")).media[1]
        assert data.is_data_channel
        assert data.is_old_data_channel
        assert (data.sctp_port, data.max_message_size) == (5000, None)

    def test_safari_lists_tcp_and_reflexive_candidates(self) -> None:
        candidates = parse_sdp(offers.load("safari")).media[0].candidates
        assert [(c.transport, c.type) for c in candidates] == [("udp", "srflx"), ("tcp", "host")]
        assert (candidates[0].ufrag, candidates[1].tcp_type) == ("8hKz", "active")

    def test_pion_ends_its_candidates_in_one_section(self) -> None:
        audio, data = parse_sdp(offers.load("pion")).media
        assert (audio.end_of_candidates, data.end_of_candidates) == (True, False)

    def test_libdatachannel_states_its_transport_once_for_all(self) -> None:
        offer = parse_sdp(offers.load("libdatachannel_whip"))
        assert offer.bundle == ("0", "1")
        assert {s.ice_ufrag for s in offer.media} == {"wMTa"}
        assert {s.setup for s in offer.media} == {"actpass"}
        assert offer.media[0].ice_options == ("ice2", "trickle")
        assert offer.media[0].direction == "sendonly"

    def test_linphone_over_dtls(self) -> None:
        audio = audio_of(offers.load("linphone_dtls"))
        assert audio.mid is None
        assert audio.direction == "sendrecv"
        assert audio.fingerprints[0].algorithm == "sha-256"
        assert audio.fingerprints[0].value.startswith("D1:5E:40")
        assert audio.codecs[0].parameters == {
            "useinbandfec": "1",
            "stereo": "0",
            "sprop-stereo": "0",
        }
        assert Codec("G729", 18, 8000, 1, {"annexb": "yes"}) in audio.codecs

    def test_plain_phone(self) -> None:
        audio = audio_of(offers.load("phone"))
        assert [c.name for c in audio.codecs] == ["PCMU", "PCMA", "G729", "telephone-event"]
        assert audio.codecs[3].parameters == {"0-16": ""}
        assert (audio.connection_address, audio.ptime) == ("198.51.100.20", 20)
        assert audio.ice_ufrag is None

    def test_sdes_phone(self) -> None:
        audio, video = parse_sdp(offers.load("phone_sdes")).media
        assert (audio.protocol, audio.connection_address) == ("RTP/SAVP", "2001:db8::c")
        assert [value.split()[1] for value in audio.crypto] == [
            "AES_CM_128_HMAC_SHA1_80",
            "AES_CM_128_HMAC_SHA1_32",
        ]
        assert Codec("G722", 9, 8000) in audio.codecs
        assert audio.maxptime == 60
        assert (video.kind, video.port, video.protocol) == ("video", 0, "")

    @pytest.mark.parametrize("name", offers.NAMES)
    def test_what_is_written_is_read_back(self, name: str) -> None:
        description = parse_sdp(offers.load(name))
        assert parse_sdp(description.format()) == description

    def test_ice_lite_is_read_back(self) -> None:
        description = parse_sdp(offers.load("chromium", replaced("s=-", "s=-\r\na=ice-lite")))
        assert description.ice_lite
        assert parse_sdp(description.format()) == description


class TestLeniency:
    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("\r\n", "\n"),
            lambda text: text.replace("\r\n", "\r"),
            lambda text: text.replace("\r\n", "  \t\r\n"),
            lambda text: text.rstrip(),
            lambda text: "\ufeff\r\n " + text,
            lambda text: text.replace("\r\nm=", "\r\n\r\nm="),
            lambda text: text.replace("a=", "A="),
            lambda text: text.replace("a=setup:actpass", "a=SETUP:ACTPASS"),
            lambda text: text.replace("a=sendrecv", "a=SendRecv"),
            lambda text: text.replace("a=fingerprint:sha-256", "a=fingerprint:SHA-256"),
            lambda text: text.replace("a=group:BUNDLE", "a=group:bundle"),
            lambda text: text.replace("UDP/TLS/RTP/SAVPF", "udp/tls/rtp/savpf"),
            lambda text: text.replace(
                "minptime=10;useinbandfec=1", "MinPTime=10 ; useinbandfec=1;"
            ),
            lambda text: text.replace("typ host", "typ HOST").replace(" udp ", " UDP "),
            lambda text: text.replace("m=audio 9 ", "m=audio 9/2 "),
            without("a=sendrecv"),
            without("a=rtpmap:(9|0|8|13) .*"),
        ],
    )
    def test_same_meaning(self, change: Change) -> None:
        text = offers.load("chromium")
        changed = change(text)
        assert changed != text
        assert parse_sdp(changed) == parse_sdp(text)

    def test_order_of_the_m_line_counts(self) -> None:
        lines = ["a=rtpmap:0 PCMU/8000", "a=rtpmap:111 opus/48000/2"]
        text = MINIMAL + "m=audio 9 RTP/AVP 111 0 111\n" + "\n".join(lines)
        assert [c.name for c in audio_of(text).codecs] == ["opus", "PCMU"]

    def test_unknown_formats_are_no_codecs(self) -> None:
        text = MINIMAL + "m=audio 9 RTP/AVP 96 97 128 x 0\na=rtpmap:96 opus\na=rtpmap:300 x/1\n"
        section = audio_of(text)
        assert section.formats == ("96", "97", "128", "x", "0")
        assert [c.name for c in section.codecs] == ["PCMU"]

    @pytest.mark.parametrize(
        "candidate",
        ["", "1 1 udp 1 192.0.2.1", "1 1 udp 1 fe80::1%en0 9 typ host", "\u00e9 " * 8],
    )
    def test_unusable_candidates_are_skipped(self, candidate: str) -> None:
        text = offers.load("chromium")
        more = text.replace("a=mid:0", f"a=candidate:{candidate}\r\na=mid:0")
        assert parse_sdp(more) == parse_sdp(text)

    def test_session_level_values_are_inherited_and_overridden(self) -> None:
        text = (
            MINIMAL.replace(
                "t=0 0\n",
                "c=IN IP4 192.0.2.1\nt=0 0\na=sendonly\na=setup:active\na=end-of-candidates\n",
            )
            + "m=audio 9 RTP/AVP 0\n"
            + "m=audio 9 RTP/AVP 0\nc=IN IP6 2001:db8::1\na=inactive\na=setup:passive\n"
        )
        first, second = parse_sdp(text).media
        assert first.connection_address == "192.0.2.1"
        assert (first.direction, first.setup) == ("sendonly", "active")
        assert first.end_of_candidates
        assert second.connection_address == "2001:db8::1"
        assert (second.direction, second.setup) == ("inactive", "passive")

    def test_own_fingerprints_replace_those_of_the_session(self) -> None:
        text = (
            f"{MINIMAL}a=fingerprint:sha-1 AA:BB\nm=audio 9 RTP/AVP 0\n"
            "a=fingerprint:sha-256 cc:dd\na=fingerprint:sha-256 CC:DD\n"
        )
        assert audio_of(text).fingerprints == (Fingerprint("sha-256", "CC:DD"),)

    def test_origin_that_is_not_numeric(self) -> None:
        text = f"v=0\no=- {'9' * 5000} x IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 0\n"
        description = parse_sdp(text)
        assert (description.session_id, description.version) == (0, 0)

    def test_missing_origin(self) -> None:
        assert parse_sdp("v=0\nm=audio 0 RTP/AVP 0\n").session_id == 0

    def test_unknown_media_and_attributes_are_kept(self) -> None:
        text = f"{MINIMAL}a=x-flag\nm=image 5000 udptl t38\na=T38FaxVersion:0\n"
        description = parse_sdp(text)
        assert description.attributes == (("x-flag", ""),)
        section = description.media[0]
        assert (section.kind, section.formats, section.codecs) == ("image", ("t38",), ())
        assert section.attributes == (("t38faxversion", "0"),)

    def test_line_separators_of_unicode_do_not_begin_lines(self) -> None:
        text = offers.load("chromium").replace("s=-", "s=a\u2028m=video 9 RTP/AVP 0\x85")
        assert len(parse_sdp(text).media) == 2


class TestRefusal:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "empty"),
            (" \r\n ", "empty"),
            ("v=0\x00\r\n", "binary"),
            ("\x89PNG\r\n\x1a\n", "binary"),
            ("v=0\r\ns=\ud800\r\nm=audio 9 RTP/AVP 0\r\n", "binary"),
            ('{"type": "offer"}', "not SDP"),
            ("<html>", "not SDP"),
            ("v=1\r\nm=audio 9 RTP/AVP 0\r\n", "not SDP"),
            ("v=0\r\nhello\r\n", "line 2"),
            (MINIMAL, "no m= line"),
            (MINIMAL + "m=audio\n", "m= line"),
            (MINIMAL + "m=audio nine RTP/AVP 0\n", "m= line"),
            (MINIMAL + "m=audio 65536 RTP/AVP 0\n", "m= line"),
            (MINIMAL + "m=audio 9 RTP/AVP \u0660\n", "m= line"),
            ("v=0\n" + "m=audio 9 RTP/AVP 0\na=mid:x\n" * 2, "same mid"),
            ("v=0\n" + "m=audio 9 RTP/AVP 0\n" * (sdp.MAX_SECTIONS + 1), "sections"),
            ("v=0\n" + "a=\n" * sdp.MAX_LINES, "lines"),
            ("v=0\n" + "a" * sdp.MAX_CHARACTERS, "characters"),
            ("v=0\na=x" + "a" * sdp.MAX_LINE_CHARACTERS, "line 2 is longer"),
        ],
    )
    def test_what_is_no_description(self, text: str, reason: str) -> None:
        with pytest.raises(SdpError, match=reason):
            parse_sdp(text)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (replaced("a=mid:0", "a=mid:a b"), "mid"),
            (replaced("a=mid:0", "a=mid:\u00e9"), "mid"),
            (replaced("a=ice-ufrag:.*", "a=ice-ufrag:"), "ice-ufrag"),
            (replaced("a=ice-pwd:.*", "a=ice-pwd:a b"), "ice-pwd"),
            (replaced("a=fingerprint:.*", "a=fingerprint:sha-256 XX:YY"), "fingerprint"),
            (replaced("a=fingerprint:.*", "a=fingerprint:sha-256"), "fingerprint"),
            (replaced("a=setup:actpass", "a=setup:both"), "setup"),
        ],
    )
    def test_what_could_misroute_or_weaken(self, change: Change, reason: str) -> None:
        with pytest.raises(SdpError, match=reason):
            parse_sdp(offers.load("chromium", change))

    def test_candidates_are_bounded(self) -> None:
        lines = [f"a=candidate:1 1 udp {n} 192.0.2.1 9 typ host\n" for n in range(500)]
        section = audio_of(MINIMAL + "m=audio 9 RTP/AVP 0\n" + "".join(lines))
        assert len(section.candidates) == sdp.MAX_CANDIDATES


@settings(deadline=None)
@given(st.sampled_from(offers.NAMES), st.integers(0, 2**32), st.integers(1, 8))
def test_spoiled_offers_are_read_or_refused(name: str, seed: int, edits: int) -> None:
    try:
        description = parse_sdp(offers.spoiled(offers.load(name), seed, edits))
    except SdpError:
        return
    assert parse_sdp(description.format()) == description


@settings(deadline=None)
@given(st.text() | st.text().map(lambda text: f"{MINIMAL}m=audio 9 RTP/AVP 0\na={text}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        description = parse_sdp(text)
    except SdpError:
        return
    assert parse_sdp(description.format()) == description
