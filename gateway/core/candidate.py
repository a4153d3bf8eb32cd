"""ICE candidate lines (RFC 8839 §5.1; RFC 6544 §4.5 for TCP; RFC 8840 for trickled ones)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.sdp_grammar import TOKEN, SdpError, parse_number

_PREFIX = re.compile(r"(?:a=)?candidate:", re.IGNORECASE)
# IPv4, IPv6, host names. No zone ("%eth0"): it names an interface of the peer's machine.
_ADDRESS = re.compile(r"[0-9A-Za-z.:_-]{1,255}")
_ICE_CHARS = re.compile(r"[!-~]{1,256}")  # Of which RFC 8839 takes letters, digits, "+" and "/".
_FIXED_FIELDS = 8
_MAX_COMPONENT = 256
_MAX_PRIORITY = 0xFFFF_FFFF  # RFC 8839 says 2^31 - 1; some stacks use the whole word
_MAX_PORT = 65_535
_MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One transport address at which a peer may be reached.

    :ivar component: 1 for RTP and everything multiplexed with it, 2 for separate RTCP.
    :ivar transport: ``udp`` or ``tcp``, lower case when parsed.
    :ivar address: IP address or host name (``….local``: mDNS).
    :ivar type: ``host``, ``srflx``, ``prflx`` or ``relay``, lower case when parsed.
    :ivar tcp_type: ``active``, ``passive`` or ``so`` (RFC 6544).
    :ivar ufrag: the ICE generation it belongs to, where the peer names it.
    """

    foundation: str
    component: int
    transport: str
    priority: int
    address: str
    port: int
    type: str
    related_address: str | None = None
    related_port: int | None = None
    tcp_type: str | None = None
    ufrag: str | None = None

    @classmethod
    def parse(cls, text: str) -> IceCandidate:
        """Read a candidate, with or without ``a=`` and ``candidate:`` before it.

        :raises SdpError: it is malformed, or empty (browsers trickle "" when gathering ends).
        """
        if len(text) > _MAX_LENGTH:
            raise SdpError(f"ICE candidate of {len(text)} characters")
        body = text.strip()
        prefix = _PREFIX.match(body)
        fields = body[prefix.end() :].split() if prefix else body.split()
        if not fields:
            raise SdpError("empty ICE candidate")
        if len(fields) < _FIXED_FIELDS or fields[6].lower() != "typ":
            raise SdpError(f"not an ICE candidate: {text[:60]!r}")
        extensions = _Extensions(fields[_FIXED_FIELDS:])
        transport, kind = _text(fields[2], TOKEN, "transport"), _text(fields[7], TOKEN, "type")
        return cls(
            foundation=_text(fields[0], _ICE_CHARS, "foundation"),
            component=_number(fields[1], _MAX_COMPONENT, "component"),
            transport=transport.lower(),
            priority=_number(fields[3], _MAX_PRIORITY, "priority"),
            address=_text(fields[4], _ADDRESS, "address"),
            port=_number(fields[5], _MAX_PORT, "port"),
            type=kind.lower(),
            related_address=extensions.text("raddr", _ADDRESS),
            related_port=extensions.number("rport", _MAX_PORT),
            tcp_type=extensions.text("tcptype", TOKEN),
            ufrag=extensions.text("ufrag", _ICE_CHARS),
        )

    @property
    def is_mdns(self) -> bool:
        """Whether the address is an mDNS name, behind which a browser hides its own (RFC 6762)."""
        return self.address.lower().rstrip(".").endswith(".local")

    def format(self) -> str:
        """``candidate:…`` as in W3C ``RTCIceCandidate.candidate``, without ``a=``."""
        fixed = (
            f"candidate:{self.foundation} {self.component} {self.transport} {self.priority} "
            f"{self.address} {self.port} typ {self.type}"
        )
        extensions = {
            "raddr": self.related_address,
            "rport": self.related_port,
            "tcptype": self.tcp_type,
            "ufrag": self.ufrag,
        }
        return fixed + "".join(f" {k} {v}" for k, v in extensions.items() if v is not None)


class _Extensions:
    """The name-value pairs after the type. Unknown names are ignored, as RFC 8839 §5.1 asks."""

    def __init__(self, fields: list[str]) -> None:
        pairs = zip(fields[::2], fields[1::2], strict=False)
        self._values = {name.lower(): value for name, value in pairs}

    def text(self, name: str, pattern: re.Pattern[str]) -> str | None:
        value = self._values.get(name)
        return None if value is None else _text(value, pattern, name)

    def number(self, name: str, maximum: int) -> int | None:
        value = self._values.get(name)
        return None if value is None else _number(value, maximum, name)


def _text(value: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(value):
        raise SdpError(f"ICE candidate with a malformed {what}: {value[:60]!r}")
    return value


def _number(value: str, maximum: int, what: str) -> int:
    number = parse_number(value, maximum)
    if number is None:
        raise SdpError(f"ICE candidate with a malformed {what}: {value[:60]!r}")
    return number
