"""The model of a session description, and how it is written as SDP (RFC 8866, RFC 8829)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from gateway.core.candidate import IceCandidate

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup = Literal["actpass", "active", "passive", "holdconn"]


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format of an audio or video section.

    :ivar name: as ``a=rtpmap`` spells it; compare with :meth:`is_named`.
    :ivar clock_rate: Hz of the RTP timestamps (Opus: 48000; G.722: 8000, though it samples at
        16000).
    :ivar parameters: ``a=fmtp``, names in lower case; "" for a parameter without a value.
    """

    name: str
    payload_type: int
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)

    def is_named(self, name: str) -> bool:
        return self.name.lower() == name.lower()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest (RFC 8122): algorithm in lower case, value in upper, with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One ``m=`` section, with the session-level defaults applied.

    :ivar kind: ``audio``, ``video``, ``application``, …
    :ivar port: 0 rejects or withdraws the section, unless it is ``bundle_only``.
    :ivar protocol: ``UDP/TLS/RTP/SAVPF`` and the like, upper case.
    :ivar formats: the formats of the ``m=`` line as written.
    :ivar codecs: those formats whose meaning is known, in the order of the ``m=`` line, which is
        that of preference.
    :ivar ice_options: lower case (``trickle``, ``ice2``).
    :ivar setup: the DTLS role (RFC 8842); None when not said.
    :ivar ptime: ms of audio per packet the describer would like to receive; ``maxptime``: at most.
    :ivar ssrc: the first one announced with a ``cname`` (RFC 5576 §6.1).
    :ivar msid: ``stream track`` (RFC 8830).
    :ivar sctp_port: RFC 8841, or the port of an old ``a=sctpmap``.
    :ivar max_message_size: bytes; 0 for no limit; None when not said (65536 by RFC 8841 §6.1).
    :ivar connection_address: of ``c=``; 0.0.0.0 when only ICE candidates count.
    :ivar crypto: values of ``a=crypto`` (RFC 4568).
    :ivar attributes: name and value of each attribute that has no field here, in order.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...] = ()
    mid: str | None = None
    direction: Direction = "sendrecv"
    codecs: tuple[Codec, ...] = ()
    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    ice_options: tuple[str, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: Setup | None = None
    candidates: tuple[IceCandidate, ...] = ()
    end_of_candidates: bool = False
    bundle_only: bool = False
    rtcp_mux: bool = False
    ptime: int | None = None
    maxptime: int | None = None
    ssrc: int | None = None
    cname: str | None = None
    msid: str | None = None
    sctp_port: int | None = None
    max_message_size: int | None = None
    connection_address: str | None = None
    crypto: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def is_data_channel(self) -> bool:
        return self.kind == "application" and self.protocol.endswith("DTLS/SCTP")

    @property
    def is_old_data_channel(self) -> bool:
        """Whether it has the form from before RFC 8841: port on the ``m=`` line, ``a=sctpmap``."""
        return self.kind == "application" and self.protocol == "DTLS/SCTP"


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description.

    :ivar session_id: 64 bits, constant while the session lives; ``version`` grows by changes.
    :ivar bundle: mids of the first ``a=group:BUNDLE`` (RFC 9143), the tagged one first.
    :ivar attributes: session-level attributes without a field, and not inherited by the sections.
    """

    session_id: int
    version: int
    media: tuple[MediaSection, ...]
    bundle: tuple[str, ...] = ()
    ice_lite: bool = False
    attributes: tuple[tuple[str, str], ...] = ()

    def format(self) -> str:
        """The description as SDP text, which :func:`gateway.core.sdp.parse_sdp` reads back."""
        origin = f"{self.session_id} {self.version}"
        lines = ["v=0", f"o=- {origin} IN IP4 127.0.0.1", "s=-", "t=0 0"]
        if self.bundle:
            lines.append(f"a=group:BUNDLE {' '.join(self.bundle)}")
        if self.ice_lite:
            lines.append("a=ice-lite")
        lines += [_attribute(name, value) for name, value in self.attributes]
        for section in self.media:
            lines += _section_lines(section)
        return "".join(f"{line}\r\n" for line in lines)


def _section_lines(section: MediaSection) -> Iterator[str]:
    fields = (section.kind, str(section.port), section.protocol, *section.formats)
    yield f"m={' '.join(filter(None, fields))}"
    if section.connection_address is not None:
        version = 6 if ":" in section.connection_address else 4
        yield f"c=IN IP{version} {section.connection_address}"
    yield from _transport_lines(section)
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    if section.bundle_only:
        yield "a=bundle-only"
    yield f"a={section.direction}"
    yield from _rtp_lines(section)
    yield from _sctp_lines(section)
    yield from (_attribute(name, value) for name, value in section.attributes)


def _transport_lines(section: MediaSection) -> Iterator[str]:
    for candidate in section.candidates:
        yield f"a={candidate.format()}"
    if section.end_of_candidates:
        yield "a=end-of-candidates"
    if section.ice_ufrag is not None:
        yield f"a=ice-ufrag:{section.ice_ufrag}"
    if section.ice_pwd is not None:
        yield f"a=ice-pwd:{section.ice_pwd}"
    if section.ice_options:
        yield f"a=ice-options:{' '.join(section.ice_options)}"
    for fingerprint in section.fingerprints:
        yield f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}"
    if section.setup is not None:
        yield f"a=setup:{section.setup}"
    for crypto in section.crypto:
        yield f"a=crypto:{crypto}"


def _rtp_lines(section: MediaSection) -> Iterator[str]:
    if section.msid is not None:
        yield f"a=msid:{section.msid}"
    if section.rtcp_mux:
        yield "a=rtcp-mux"
    for codec in section.codecs:
        channels = f"/{codec.channels}" if codec.channels != 1 else ""
        yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
        if codec.parameters:
            parameters = ";".join(f"{k}={v}" if v else k for k, v in codec.parameters.items())
            yield f"a=fmtp:{codec.payload_type} {parameters}"
    for name, ms in (("ptime", section.ptime), ("maxptime", section.maxptime)):
        if ms is not None:
            yield f"a={name}:{ms}"
    if section.ssrc is not None:
        yield f"a=ssrc:{section.ssrc} cname:{section.cname}"


def _sctp_lines(section: MediaSection) -> Iterator[str]:
    if section.sctp_port is not None and section.is_old_data_channel:
        yield f"a=sctpmap:{section.sctp_port} webrtc-datachannel 65535"
    elif section.sctp_port is not None:
        yield f"a=sctp-port:{section.sctp_port}"
    if section.max_message_size is not None:
        yield f"a=max-message-size:{section.max_message_size}"


def _attribute(name: str, value: str) -> str:
    return f"a={name}:{value}" if value else f"a={name}"
