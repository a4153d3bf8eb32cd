"""SDP text read into a session description (RFC 8866, RFC 8829).

Lenient where deployed peers are careless; strict where a guess could misroute media or weaken its
encryption. The model, and its way back to text, are in :mod:`gateway.core.description`; offers and
answers are :mod:`gateway.core.negotiation`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.core.candidate import IceCandidate
from gateway.core.description import (
    Codec,
    Direction,
    Fingerprint,
    MediaSection,
    SessionDescription,
    Setup,
)
from gateway.core.sdp_grammar import TOKEN, SdpError, parse_number

__all__ = [
    "Codec",
    "Direction",
    "Fingerprint",
    "MediaSection",
    "SdpError",
    "SessionDescription",
    "Setup",
    "parse_sdp",
]

MAX_CHARACTERS = 65_536
MAX_LINES = 2048
MAX_LINE_CHARACTERS = 8192
MAX_SECTIONS = 64
MAX_CANDIDATES = 64
"""Read per section; ICE pairs no more than a hundred with its own (RFC 8445 §6.1.2.5)."""

_MAX_PORT = 0xFFFF
_MAX_PAYLOAD_TYPE = 0x7F
_MAX_SSRC = 0xFFFF_FFFF
_MAX_64_BITS = 0xFFFF_FFFF_FFFF_FFFF

_SETUPS: dict[str, Setup] = {
    "actpass": "actpass",
    "active": "active",
    "passive": "passive",
    "holdconn": "holdconn",
}
_DIRECTIONS: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}
_MODELLED_IN_SECTION = {
    *_DIRECTIONS,
    *("bundle-only", "candidate", "crypto", "end-of-candidates", "fingerprint", "fmtp"),
    *("ice-options", "ice-pwd", "ice-ufrag", "max-message-size", "maxptime", "mid", "msid"),
    *("ptime", "rtcp-mux", "rtpmap", "sctp-port", "sctpmap", "setup", "ssrc"),
}
_MODELLED_IN_SESSION = {
    *_DIRECTIONS,
    *("end-of-candidates", "fingerprint", "group", "ice-lite", "ice-options", "ice-pwd"),
    *("ice-ufrag", "setup"),
}

# RFC 3551 §6: payload types that need no a=rtpmap, as name and clock rate; all are mono.
_STATIC_CODECS = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    13: ("CN", 8000),
    18: ("G729", 8000),
}

# Controls other than TAB, CR and LF; and lone surrogates, which an answer could not carry back.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE = re.compile(r"([a-z])[ \t]*=[ \t]*(.*)", re.IGNORECASE)
_MEDIA = re.compile(r"([!-~]+)[ \t]+([0-9]+)(?:/[0-9]+)?(?:[ \t]+([!-~]+))?((?:[ \t]+[!-~]+)*)")
_CONNECTION = re.compile(r"IN[ \t]+IP[46][ \t]+([0-9A-Z.:_-]{1,255})(?:/.*)?", re.IGNORECASE)
_RTPMAP = re.compile(r"([!-.0-~]+)[ \t]*/[ \t]*([0-9]{1,9})(?:[ \t]*/[ \t]*([0-9]{1,3}))?")
_SOURCE = re.compile(r"([0-9]+)[ \t]+cname:[ \t]*(.+)", re.IGNORECASE)
_CREDENTIAL = re.compile(r"[!-~]{1,256}")
_FINGERPRINT = re.compile(r"([\w-]+)[ \t]+([0-9A-F]{2}(?::[0-9A-F]{2})+)", re.I | re.ASCII)


def parse_sdp(text: str) -> SessionDescription:
    """Read a description.

    Forgiven: line ends, blanks around lines, letter case; a missing mid, direction, setup or
    BUNDLE; static payload types without rtpmap; unknown attributes and media; malformed candidates
    and numbers, which count as absent.

    :raises SdpError: the text is no SDP, has no media, exceeds the bounds above, or garbles a mid,
        an ICE credential, a fingerprint or a DTLS role.
    """
    session, sections = _levels(text)
    if not sections:
        raise SdpError("the description has no m= line")
    media = tuple(_media_section(section, session) for section in sections)
    mids = [section.mid for section in media if section.mid is not None]
    if len(set(mids)) < len(mids):
        raise SdpError("two m= sections have the same mid")
    session_id, version = _origin(session.origin)
    return SessionDescription(
        session_id=session_id,
        version=version,
        media=media,
        bundle=_bundle(session.all("group")),
        ice_lite=session.has("ice-lite"),
        attributes=session.all_but(_MODELLED_IN_SESSION),
    )


@dataclass(slots=True)
class _Level:
    """The lines of the session level or of one ``m=`` section, not yet given a meaning."""

    media: str = ""
    origin: str = ""
    connection: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    by_name: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, value: str) -> None:
        if kind == "a":
            head, _, rest = value.partition(":")
            name, argument = head.strip().lower(), rest.strip()
            self.attributes.append((name, argument))
            self.by_name.setdefault(name, []).append(argument)
        elif kind == "c":
            self.connection = value
        elif kind == "o":
            self.origin = value

    def all(self, name: str) -> list[str]:
        return self.by_name.get(name, [])

    def all_but(self, names: set[str]) -> tuple[tuple[str, str], ...]:
        return tuple((key, value) for key, value in self.attributes if key and key not in names)

    def first(self, name: str) -> str | None:
        return self.by_name[name][0] if name in self.by_name else None

    def has(self, name: str) -> bool:
        return name in self.by_name

    def number(self, name: str, maximum: int) -> int | None:
        value = self.first(name)
        return None if value is None else parse_number(value, maximum)

    def direction(self) -> Direction | None:
        return next((_DIRECTIONS[name] for name in _DIRECTIONS if name in self.by_name), None)


def _levels(text: str) -> tuple[_Level, list[_Level]]:
    """The session level, and the media sections in order."""
    session = _Level()
    sections: list[_Level] = []
    for kind, value in _lines(text):
        if kind == "m":
            if len(sections) == MAX_SECTIONS:
                raise SdpError(f"the description has more than {MAX_SECTIONS} m= sections")
            sections.append(_Level(media=value))
        else:
            (sections[-1] if sections else session).add(kind, value)
    return session, sections


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Type and value of each line, once it is clear that the text is SDP at all."""
    if len(text) > MAX_CHARACTERS:
        raise SdpError(f"the description is longer than {MAX_CHARACTERS} characters")
    if not text.strip():
        raise SdpError("the description is empty")
    if _BINARY.search(text):
        raise SdpError("the description is binary data, not SDP text")
    # Not str.splitlines(), which also breaks at U+2028 and other characters that a value may hold.
    lines = text.lstrip("\ufeff \t\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError(f"the description has more than {MAX_LINES} lines")
    if lines[0].strip().lower() != "v=0":
        raise SdpError("not SDP: it does not begin with v=0")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_CHARACTERS:
            raise SdpError(f"line {number} is longer than {MAX_LINE_CHARACTERS} characters")
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise SdpError(f"not SDP: line {number} is {line[:40]!r}")
        yield match[1].lower(), match[2]


def _media_section(section: _Level, session: _Level) -> MediaSection:
    kind, port, protocol, formats = _media_line(section.media)

    def inherited(name: str) -> str | None:
        value = section.first(name)
        return session.first(name) if value is None else value

    ssrc, cname = _source(section.all("ssrc"))
    return MediaSection(
        kind=kind,
        port=port,
        protocol=protocol,
        formats=formats,
        mid=_mid(section.first("mid")),
        direction=section.direction() or session.direction() or "sendrecv",
        codecs=_codecs(section, formats) if "RTP/" in protocol else (),
        ice_ufrag=_credential("ice-ufrag", inherited("ice-ufrag")),
        ice_pwd=_credential("ice-pwd", inherited("ice-pwd")),
        ice_options=_ice_options(inherited("ice-options") or ""),
        fingerprints=_fingerprints(section.all("fingerprint") or session.all("fingerprint")),
        setup=_setup(inherited("setup")),
        candidates=_candidates(section.all("candidate")),
        end_of_candidates=inherited("end-of-candidates") is not None,
        bundle_only=section.has("bundle-only"),
        rtcp_mux=section.has("rtcp-mux"),
        ptime=section.number("ptime", _MAX_PORT),
        maxptime=section.number("maxptime", _MAX_PORT),
        ssrc=ssrc,
        cname=cname,
        msid=section.first("msid") or None,
        sctp_port=_sctp_port(section, protocol, formats),
        max_message_size=section.number("max-message-size", _MAX_64_BITS),
        connection_address=_connection(section.connection or session.connection),
        crypto=tuple(section.all("crypto")),
        attributes=section.all_but(_MODELLED_IN_SECTION),
    )


def _media_line(value: str) -> tuple[str, int, str, tuple[str, ...]]:
    """Kind, port, protocol and formats; the last two may be missing, as in ``m=video 0``."""
    match = _MEDIA.fullmatch(value)
    port = None if match is None else parse_number(match[2], _MAX_PORT)
    if match is None or port is None:
        raise SdpError(f"malformed m= line: {value[:60]!r}")
    return match[1].lower(), port, (match[3] or "").upper(), tuple(match[4].split())


def _mid(value: str | None) -> str | None:
    if not value:
        return None
    if not TOKEN.fullmatch(value):
        raise SdpError(f"malformed a=mid: {value[:40]!r}")
    return value


def _credential(name: str, value: str | None) -> str | None:
    if value is not None and not _CREDENTIAL.fullmatch(value):
        raise SdpError(f"malformed a={name}")
    return value


def _ice_options(value: str) -> tuple[str, ...]:
    """The option tags; libdatachannel separates them by commas."""
    return tuple(value.lower().replace(",", " ").split())


def _fingerprints(values: Iterable[str]) -> tuple[Fingerprint, ...]:
    fingerprints: dict[Fingerprint, None] = {}
    for value in values:
        match = _FINGERPRINT.fullmatch(value)
        if match is None:
            raise SdpError(f"malformed a=fingerprint: {value[:40]!r}")
        fingerprints[Fingerprint(match[1].lower(), match[2].upper())] = None
    return tuple(fingerprints)


def _setup(value: str | None) -> Setup | None:
    if value is None:
        return None
    if value.lower() not in _SETUPS:
        raise SdpError(f"unknown a=setup: {value[:40]!r}")
    return _SETUPS[value.lower()]


def _candidates(values: Sequence[str]) -> tuple[IceCandidate, ...]:
    """The readable ones: agents skip what they cannot use (RFC 8839 §5.1), even empty lines."""
    candidates: dict[IceCandidate, None] = {}
    for value in values[:MAX_CANDIDATES]:
        try:
            candidates[IceCandidate.parse(value)] = None
        except SdpError:
            continue
    return tuple(candidates)


def _codecs(section: _Level, formats: tuple[str, ...]) -> tuple[Codec, ...]:
    """The known codecs in the order of the ``m=`` line, whatever the order of their attributes."""
    rtpmaps = dict(_by_payload_type(section.all("rtpmap")))
    parameters: dict[int, dict[str, str]] = {}
    for payload_type, value in _by_payload_type(section.all("fmtp")):
        parameters.setdefault(payload_type, {}).update(_parameters(value))
    codecs: dict[int, Codec] = {}
    for text in dict.fromkeys(formats):
        number = parse_number(text, _MAX_PAYLOAD_TYPE)
        if number is None:
            continue
        codec = _codec(number, rtpmaps.get(number, ""), parameters.get(number, {}))
        if codec is not None:
            codecs[number] = codec
    return tuple(codecs.values())


def _by_payload_type(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Split ``111 opus/48000/2`` and its like."""
    for value in values:
        head, _, rest = value.partition(" ")
        payload_type = parse_number(head, _MAX_PAYLOAD_TYPE)
        if payload_type is not None:
            yield payload_type, rest.strip()


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _codec(payload_type: int, rtpmap: str, parameters: dict[str, str]) -> Codec | None:
    match = _RTPMAP.fullmatch(rtpmap)
    if match is not None:
        name, clock_rate, channels = match.groups()
        return Codec(name, payload_type, int(clock_rate), int(channels or 1), parameters)
    if payload_type in _STATIC_CODECS:
        name, rate = _STATIC_CODECS[payload_type]
        return Codec(name, payload_type, rate, 1, parameters)
    return None


def _source(values: Iterable[str]) -> tuple[int | None, str | None]:
    """SSRC and CNAME of the first ``1234 cname:x`` among ``a=ssrc`` values."""
    for value in values:
        match = _SOURCE.fullmatch(value)
        ssrc = None if match is None else parse_number(match[1], _MAX_SSRC)
        if match is not None and ssrc is not None:
            return ssrc, match[2]
    return None, None


def _sctp_port(section: _Level, protocol: str, formats: tuple[str, ...]) -> int | None:
    if protocol == "DTLS/SCTP" and formats:
        return parse_number(formats[0], _MAX_PORT)
    return section.number("sctp-port", _MAX_PORT)


def _connection(value: str) -> str | None:
    """The address of ``c=``, without the TTL and count of multicast."""
    match = _CONNECTION.fullmatch(value)
    return None if match is None else match[1]


def _origin(value: str) -> tuple[int, int]:
    """Session id and version of ``o=``; 0 for what is not a number (some phones put names)."""
    numbers = [parse_number(field, _MAX_64_BITS) or 0 for field in value.split()[1:3]]
    session_id, version = [*numbers, 0, 0][:2]
    return session_id, version


def _bundle(groups: Iterable[str]) -> tuple[str, ...]:
    for group in groups:
        semantics, *mids = group.split() or [""]
        if semantics.upper() == "BUNDLE":
            return tuple(dict.fromkeys(mid for mid in mids if TOKEN.fullmatch(mid)))
    return ()
