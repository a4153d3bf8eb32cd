import pytest
from aioice import Candidate
from aiortc.sdp import SessionDescription

from client.python.bench.errors import BenchError
from client.python.bench.offer import LocalMedia, parse_answer

LOCAL = LocalMedia(
    user_fragment="frag",
    password="p" * 22,
    candidate=Candidate.from_sdp("1 1 udp 2130706431 127.0.0.1 40000 typ host"),
    fingerprint="AA:BB",
    ssrc=1234,
)

ANSWER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 96
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 01:02
a=fingerprint:sha-512 03:04
a=setup:active
a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=rtpmap:96 opus/48000/2
a=fmtp:96 minptime=10; useinbandfec=1
a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host
a=candidate:2 1 udp 2130706431 127.0.0.1 5001 typ host
a=candidate:3 1 tcp 2130706431 127.0.0.1 9 typ host tcptype active
a=candidate:nonsense
"""


def test_the_offer_is_one_that_others_can_read() -> None:
    parsed = SessionDescription.parse(LOCAL.offer())
    (media,) = parsed.media
    assert (media.kind, media.fmt) == ("audio", [111])
    assert media.rtp.codecs[0].name == "opus"
    assert media.ice.usernameFragment == "frag"
    assert [c.port for c in media.ice_candidates] == [40000]
    assert media.ice_candidates_complete
    assert media.dtls is not None
    assert media.dtls.fingerprints[0].value == "AA:BB"
    assert LOCAL.offer().endswith("\r\n")


def test_an_answer_is_read() -> None:
    remote = parse_answer(ANSWER)
    assert (remote.user_fragment, remote.password) == ("abcd", "0123456789012345678901")
    assert remote.payload_type == 96
    assert remote.wants_fec
    assert remote.level_id == 5
    assert [(f.algorithm, f.value) for f in remote.fingerprints] == [
        ("sha-256", "01:02"),
        ("sha-512", "03:04"),
    ]
    assert [c.port for c in remote.candidates] == [5001]


@pytest.mark.parametrize(("setup", "ours"), [("active", "server"), ("passive", "client")])
def test_the_dtls_role_is_the_other_one(setup: str, ours: str) -> None:
    assert parse_answer(ANSWER.replace("setup:active", f"setup:{setup}")).dtls_role == ours


def test_without_its_asking_there_is_no_fec_and_no_level() -> None:
    remote = parse_answer(ANSWER.replace("; useinbandfec=1", "").replace("a=extmap", "a=nothing"))
    assert not remote.wants_fec
    assert remote.level_id is None


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("a=rtpmap:96 opus/48000/2\n", "no Opus"),
        ("a=ice-ufrag:abcd\n", "no Opus audio over ICE"),
        ("a=candidate:2 1 udp 2130706431 127.0.0.1 5001 typ host\n", "PUBLIC_ADDRESS=127.0.0.1"),
    ],
)
def test_an_answer_that_makes_no_call_is_refused(missing: str, why: str) -> None:
    with pytest.raises(BenchError, match=why):
        parse_answer(ANSWER.replace(missing, ""))
