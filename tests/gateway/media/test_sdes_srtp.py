from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.rtp import RtpPacket
from gateway.core.sdes import AUTH_TAG_BYTES
from gateway.media.sdes_srtp import MAX_PACKET_BYTES, SrtpError, SrtpIn, SrtpOut, make_keys

PACKET = RtpPacket(0, False, 1, 0, 1, bytes(160)).serialize()
RTCP = bytes.fromhex("80c90001") + bytes(4)


@pytest.mark.parametrize("key", make_keys(), ids=lambda key: key.suite)
def test_each_suite_both_ways(key: object) -> None:
    out, into = SrtpOut(key), SrtpIn(key)  # type: ignore[arg-type]
    protected = out.protect(PACKET)
    assert len(protected) == len(PACKET) + AUTH_TAG_BYTES[out.key.suite]
    assert into.unprotect(protected) == PACKET
    assert into.unprotect_rtcp(out.protect_rtcp(RTCP)) == RTCP
    with pytest.raises(SrtpError):
        into.unprotect(protected)  # Replayed.
    with pytest.raises(SrtpError):
        into.unprotect(PACKET)


def test_keys_are_fresh() -> None:
    keys = (*make_keys(), *make_keys())
    assert len({key.key for key in keys}) == len(keys) == 4
    assert [key.tag for key in keys] == [1, 2, 1, 2]


def test_an_mki_is_looked_through() -> None:
    (key, _) = make_keys()
    out, into = SrtpOut(key), SrtpIn(replace(key, mki=b"\0\0\0\1"))

    def with_mki(protected: bytes) -> bytes:
        return protected[:-10] + b"\0\0\0\1" + protected[-10:]

    assert into.unprotect(with_mki(out.protect(PACKET))) == PACKET
    assert into.unprotect_rtcp(with_mki(out.protect_rtcp(RTCP))) == RTCP
    second = RtpPacket(0, False, 2, 0, 1, bytes(160)).serialize()
    assert into.unprotect(out.protect(second)) == second, "announced, and left out"


@pytest.mark.parametrize("size", [0, 1, 9, 12, 21, MAX_PACKET_BYTES + 1, 65_507])
def test_any_size_is_an_error_of_its_own(size: int) -> None:
    into = SrtpIn(replace(make_keys()[0], mki=b"\1"))
    for unprotect in (into.unprotect, into.unprotect_rtcp):
        with pytest.raises(SrtpError):
            unprotect(b"\x80" * size)
