from __future__ import annotations

import pytest

from gateway.core.audio_agreement import AudioAgreement, agree_audio, answered_codecs
from gateway.core.sdp import SdpError, parse_sdp

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
ALL = ("opus", "g722", "pcmu", "pcma")


def agreed(audio: str, codecs: tuple[str, ...] = ALL) -> AudioAgreement:
    offer = parse_sdp(f"{HEAD}{audio}")
    return agree_audio(offer, offer.media[0], codecs, True)


def test_static_payload_types_need_no_rtpmap_and_names_decide_not_numbers() -> None:
    assert agreed("m=audio 4000 RTP/AVP 18 8 0").codec.name == "PCMA"
    audio = agreed("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:0 G729/8000\r\na=rtpmap:97 pcmu/8000")
    assert (audio.codec.name, audio.payload_type) == ("pcmu", 97)


def test_a_codec_of_another_clock_rate_is_another_codec() -> None:
    with pytest.raises(SdpError, match="no common audio codec"):
        agreed("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000")


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [
        ("", 20),
        ("a=ptime:30", 30),
        ("a=ptime:60\r\na=maxptime:40", 40),
        ("a=maxptime:10", 10),
        ("a=ptime:0", 20),
        ("a=ptime:500", 120),
    ],
)
def test_packet_length(lines: str, ptime: int) -> None:
    assert agreed(f"m=audio 4000 RTP/AVP 0\r\n{lines}").ptime == ptime


@pytest.mark.parametrize(
    ("lines", "pcmu", "opus"),
    [
        ("", 20, 20),
        ("a=ptime:10", 10, 10),
        ("a=ptime:30", 30, 20),
        ("a=ptime:35", 30, 20),
        ("a=ptime:40", 40, 40),
        ("a=ptime:50", 40, 40),
        ("a=ptime:60", 60, 60),
        ("a=ptime:120", 60, 60),
        ("a=ptime:60\r\na=maxptime:30", 30, 20),
    ],
)
def test_what_is_sent_is_what_the_codec_can_put_into_a_packet(
    lines: str, pcmu: int, opus: int
) -> None:
    mapped = "\r\na=rtpmap:96 opus/48000/2"
    for section, ms in (("0", pcmu), (f"96{mapped}", opus)):
        samples = agreed(f"m=audio 4000 RTP/AVP {section}\r\n{lines}").packet_samples
        assert samples == ms * 24


@pytest.mark.parametrize(
    ("codecs", "payload_type", "rate"),
    [
        ("96 101 102", 102, 48_000),
        ("0 101 102", 101, 8_000),
        ("96 101", 101, 8_000),
        ("0", None, 8_000),
    ],
)
def test_events_count_in_the_codecs_clock_if_they_can(
    codecs: str, payload_type: int | None, rate: int
) -> None:
    audio = agreed(
        f"m=audio 4000 RTP/AVP {codecs}\r\na=rtpmap:96 opus/48000/2\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000"
    )
    assert (audio.telephone_event, audio.event_clock_rate) == (payload_type, rate)


def test_an_answer_names_what_was_agreed_on_and_what_we_would_like() -> None:
    offer = parse_sdp(
        f"{HEAD}m=audio 4000 RTP/AVP 0 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
        "a=fmtp:96 stereo=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16"
    )
    audio = agree_audio(offer, offer.media[0], ("opus",), True)
    codec, event = answered_codecs(offer.media[0], audio)
    assert (codec.payload_type, codec.parameters["stereo"]) == (96, "0")
    assert (event.payload_type, event.parameters) == (101, {"0-15": ""})
