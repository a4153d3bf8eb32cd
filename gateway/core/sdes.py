"""SRTP keys in SDP (SDES, RFC 4568): ``a=crypto`` lines read and written.

What a line asks for beyond a key is met or the line is refused: a parameter that is not known could
be one that switches encryption or authentication off.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.sdp_grammar import SdpError

AUTH_TAG_BYTES: Final = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
"""The suites we speak, and the length of their SRTP tag; that of SRTCP is 10 in both (§6.2)."""

SRTCP_TAG_BYTES: Final = 10

KEY_BYTES: Final = 30
"""Master key of 16 bytes and salt of 14 (§6.2)."""

MAX_MKI_BYTES: Final = 128

_LINE = re.compile(r"([0-9]{1,9})[ \t]+([\w-]+)[ \t]+([!-~]+)((?:[ \t]+[!-~]+)*)", re.ASCII)
_LIFETIME = re.compile(r"2\^[0-9]{1,2}|[0-9]{1,20}")
_MKI = re.compile(r"([0-9]{1,310}):([0-9]{1,3})")
_WINDOW = re.compile(r"WSH=[0-9]{1,5}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """One side's key, for what that side sends.

    :ivar tag: of its line; an answer's is the one of the offered line it takes up.
    :ivar suite: of :data:`AUTH_TAG_BYTES`.
    :ivar key: master key and salt, 30 bytes.
    :ivar mki: bytes before the tag of each packet that name the key (RFC 3711 §3.1); mostly none.
    """

    tag: int
    suite: str
    key: bytes
    mki: bytes = b""

    def format(self) -> str:
        """The value of the ``a=crypto`` line; without an MKI, as we send none."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"

    def is_same(self, other: SrtpKey) -> bool:
        """Whether both encrypt alike, whatever the tags of their lines."""
        return (self.suite, self.key, self.mki) == (other.suite, other.key, other.mki)

    def __repr__(self) -> str:
        """Without the key: this may come into a log."""
        return f"SrtpKey({self.tag}, {self.suite})"


def choose_key(lines: Sequence[str]) -> SrtpKey:
    """The first of the offered (or the one answered) ``a=crypto`` values that we can work with.

    :raises SdpError: there is none.
    """
    refused: list[str] = []
    for line in lines:
        try:
            return parse_key(line)
        except SdpError as error:
            refused.append(str(error))
    raise SdpError("no usable a=crypto" + (f": {'; '.join(refused)[:300]}" if refused else ""))


def parse_key(value: str) -> SrtpKey:
    """Read one ``a=crypto`` value. A lifetime (§6.1) is taken note of by nobody: no call of ours
    lasts 2^31 packets.

    :raises SdpError: it is malformed, of another suite, or asks for what we do not do. The message
        never holds the key.
    """
    match = _LINE.fullmatch(value)
    if match is None:
        raise SdpError("a=crypto is malformed")
    tag, suite, parameters, session = match.groups()
    if suite.upper() not in AUTH_TAG_BYTES:
        raise SdpError(f"a=crypto: unknown suite {suite[:40]}")
    for parameter in session.split():
        # "-" marks what may be ignored (§6.3.7).
        if not parameter.startswith("-") and not _WINDOW.fullmatch(parameter):
            raise SdpError(f"a=crypto: unsupported {parameter[:40]}")
    if ";" in parameters:
        raise SdpError("a=crypto: more than one key")
    method, _, info = parameters.partition(":")
    if method.lower() != "inline":
        raise SdpError("a=crypto: unknown key method")
    text, *rest = info.split("|")
    return SrtpKey(int(tag), suite.upper(), _key(text), _mki(rest))


def _key(text: str) -> bytes:
    try:
        # Some write it without padding.
        key = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SdpError("a=crypto: the key is not base64") from None
    if len(key) != KEY_BYTES:
        raise SdpError(f"a=crypto: a key of {len(key)} bytes, not {KEY_BYTES}")
    return key


def _mki(fields: Sequence[str]) -> bytes:
    """From what follows the key: a lifetime, an MKI, both in this order, or neither (§9.2)."""
    rest = list(fields)
    if rest and _LIFETIME.fullmatch(rest[0]):
        rest.pop(0)
    if not rest:
        return b""
    match = _MKI.fullmatch(rest[0])
    if match is None or len(rest) > 1:
        raise SdpError("a=crypto: malformed lifetime or MKI")
    value, length = int(match[1]), int(match[2])
    if not 1 <= length <= MAX_MKI_BYTES or value >= 1 << (8 * length):
        raise SdpError("a=crypto: impossible MKI")
    return value.to_bytes(length, "big")
