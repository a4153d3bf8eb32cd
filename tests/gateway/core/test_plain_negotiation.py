from __future__ import annotations

import pytest

from gateway.core.description import MediaSection
from gateway.core.plain_agreement import agree_plain
from gateway.core.plain_negotiation import (
    PlainLocal,
    plain_answer,
    plain_offer,
    plain_refresh,
)
from gateway.core.sdes import SrtpKey, parse_key
from gateway.core.sdp import parse_sdp
from tests.gateway.core import offers

CODECS = ("opus", "g722", "pcmu", "pcma")
KEYS = (
    SrtpKey(1, "AES_CM_128_HMAC_SHA1_80", bytes(30)),
    SrtpKey(2, "AES_CM_128_HMAC_SHA1_32", bytes(range(30))),
)
LOCAL = PlainLocal(77, 3, "192.0.2.50", 40_000, KEYS)


def answered(text: str) -> tuple[MediaSection, ...]:
    offer = parse_sdp(text)
    return parse_sdp(plain_answer(offer, agree_plain(offer, CODECS), LOCAL)).media


def test_an_answer_to_a_phone() -> None:
    text = plain_answer(offer := parse_sdp(offers.load("phone")), agree_plain(offer, CODECS), LOCAL)
    assert "o=- 77 3 IN IP4" in text
    (audio,) = parse_sdp(text).media
    assert (audio.protocol, audio.connection_address, audio.port) == (
        "RTP/AVP",
        "192.0.2.50",
        40_000,
    )
    assert [codec.payload_type for codec in audio.codecs] == [0, 101]
    assert audio.direction == "sendrecv"
    assert not audio.crypto
    assert not audio.rtcp_mux


def test_an_answer_with_keys_and_a_rejected_section() -> None:
    audio, video = answered(offers.load("phone_sdes"))
    assert audio.protocol == "RTP/SAVP"
    assert parse_key(audio.crypto[0]) == KEYS[0]
    assert video.port == 0
    (audio, _) = answered(offers.load("phone_sdes", offers.without("a=crypto:1.*")))
    assert parse_key(audio.crypto[0]) == KEYS[1]


@pytest.mark.parametrize(
    ("offered", "ours"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_directions(offered: str, ours: str) -> None:
    (audio,) = answered(offers.load("phone", offers.replaced("a=sendrecv", f"a={offered}")))
    assert audio.direction == ours


def test_offers() -> None:
    (audio,) = parse_sdp(plain_offer(LOCAL, CODECS, secure=False).format()).media
    assert [codec.name for codec in audio.codecs] == [
        *("opus", "G722", "PCMU", "PCMA", "telephone-event", "telephone-event")
    ]
    assert (audio.protocol, audio.crypto, audio.rtcp_mux) == ("RTP/AVP", (), True)
    (audio,) = parse_sdp(plain_offer(LOCAL, ("pcmu",), secure=True).format()).media
    assert audio.protocol == "RTP/SAVP"
    assert [parse_key(line) for line in audio.crypto] == list(KEYS)
    assert [codec.clock_rate for codec in audio.codecs] == [8_000, 8_000]


@pytest.mark.parametrize("name", offers.PLAIN)
def test_a_refresh_says_what_is_in_force(name: str) -> None:
    offer = parse_sdp(offers.load(name))
    agreement = agree_plain(offer, CODECS)
    answer = parse_sdp(plain_answer(offer, agreement, LOCAL)).media[0]
    (refresh,) = parse_sdp(plain_refresh(LOCAL, agreement).format()).media
    assert refresh == answer
