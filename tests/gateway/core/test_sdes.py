from __future__ import annotations

import base64

import pytest

from gateway.core.sdes import SrtpKey, choose_key, parse_key
from gateway.core.sdp_grammar import SdpError

KEY = bytes(range(30))
TEXT = base64.b64encode(KEY).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.mark.parametrize(
    ("line", "mki"),
    [
        (f"1 {SUITE} inline:{TEXT}", b""),
        (f"1  {SUITE.lower()}\tINLINE:{TEXT}", b""),
        (f"1 {SUITE} inline:{TEXT.rstrip('=')}", b""),
        (f"1 {SUITE} inline:{TEXT}|2^31", b""),
        (f"1 {SUITE} inline:{TEXT}|1:4", b"\0\0\0\1"),
        (f"1 {SUITE} inline:{TEXT}|2^20|1066:2", b"\x04\x2a"),
        (f"1 {SUITE} inline:{TEXT} WSH=64 -WHATEVER=1", b""),
    ],
)
def test_keys_are_read(line: str, mki: bytes) -> None:
    assert parse_key(line) == SrtpKey(1, SUITE, KEY, mki)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1",
        f"x {SUITE} inline:{TEXT}",
        f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}",
        f"1 {SUITE} {TEXT}",
        f"1 {SUITE} uri:{TEXT}",
        f"1 {SUITE} inline:{TEXT[:-4]}",
        f"1 {SUITE} inline:{TEXT}AAAA",
        f"1 {SUITE} inline:{TEXT[:-1]}\u00e9",
        f"1 {SUITE} inline:{TEXT};inline:{TEXT}",
        f"1 {SUITE} inline:{TEXT}|2^20|1:4|x",
        f"1 {SUITE} inline:{TEXT}|256:1",
        f"1 {SUITE} inline:{TEXT}|1:0",
        f"1 {SUITE} inline:{TEXT}|1:999",
        f"1 {SUITE} inline:{TEXT} UNENCRYPTED_SRTP",
        f"1 {SUITE} inline:{TEXT} UNAUTHENTICATED_SRTP",
        f"1 {SUITE} inline:{TEXT} KDR=20",
    ],
)
def test_what_is_not_done_is_refused_without_telling_the_key(line: str) -> None:
    with pytest.raises(SdpError) as refused:
        parse_key(line)
    assert TEXT[:8] not in str(refused.value)


def test_the_first_usable_line_is_taken() -> None:
    lines = [
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{TEXT}",
        f"2 AES_CM_128_HMAC_SHA1_32 inline:{TEXT} UNENCRYPTED_SRTCP",
        f"3 AES_CM_128_HMAC_SHA1_32 inline:{TEXT}",
        f"4 {SUITE} inline:{TEXT}",
    ]
    assert choose_key(lines).tag == 3
    with pytest.raises(SdpError, match="AES_256"):
        choose_key(lines[:2])
    with pytest.raises(SdpError, match="no usable"):
        choose_key([])


def test_a_key_is_written_as_it_is_read_and_never_shown() -> None:
    key = SrtpKey(7, SUITE, KEY)
    assert parse_key(key.format()) == key
    assert "inline" not in repr(key)
    assert repr(KEY)[2:-1] not in repr(key)
    assert key.is_same(SrtpKey(1, SUITE, KEY))
    assert not key.is_same(SrtpKey(7, SUITE, KEY, b"\1"))
