"""SRTP with keys from SDP (RFC 3711, RFC 4568)."""

from __future__ import annotations

import secrets
from typing import Final

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from gateway.core.sdes import AUTH_TAG_BYTES, KEY_BYTES, SRTCP_TAG_BYTES, SrtpKey

__all__ = ["SrtpError", "SrtpIn", "SrtpOut", "make_keys"]

MAX_PACKET_BYTES: Final = 1_300
"""What libsrtp's binding has room for, less a tag; no audio of ours is larger, nor is what any
sane phone sends.
"""

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


def make_keys() -> tuple[SrtpKey, ...]:
    """Fresh keys for what we send, one for each suite."""
    return tuple(
        SrtpKey(tag, suite, secrets.token_bytes(KEY_BYTES))
        for tag, suite in enumerate(AUTH_TAG_BYTES, start=1)
    )


class SrtpOut:
    """Encryption of what we send with one key of ours."""

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._session = Session(_policy(key, Policy.SSRC_ANY_OUTBOUND))
        self.protect = self._session.protect
        self.protect_rtcp = self._session.protect_rtcp


class SrtpIn:
    """Decryption of what comes with one key of the peer's."""

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._session = Session(_policy(key, Policy.SSRC_ANY_INBOUND))

    def unprotect(self, packet: bytes) -> bytes:
        """:raises SrtpError: it was not made with the peer's key, or came before."""
        return self._session.unprotect(self._without_mki(packet, AUTH_TAG_BYTES[self.key.suite]))

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """:raises SrtpError: it was not made with the peer's key, or came before."""
        return self._session.unprotect_rtcp(self._without_mki(packet, SRTCP_TAG_BYTES))

    def _without_mki(self, packet: bytes, tag: int) -> bytes:
        """The MKI lies before the tag, which does not cover it (RFC 3711 §3.1)."""
        if len(packet) > MAX_PACKET_BYTES:
            raise SrtpError("packet is too long")
        mki = self.key.mki
        end = len(packet) - tag
        start = end - len(mki)
        if mki and start > 0 and packet[start:end] == mki:
            return packet[:start] + packet[end:]
        return packet  # Some announce one and leave it out; the tag decides.


def _policy(key: SrtpKey, ssrc: int) -> Policy:
    return Policy(key=key.key, ssrc_type=ssrc, srtp_profile=_PROFILES[key.suite])
