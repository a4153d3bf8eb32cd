"""What an offer and this gateway agree on (RFC 3264, RFC 8829 §5.3).

The gateway answers with one ICE and DTLS transport that carries at most one audio stream and one
data-channel association; everything else on offer is left to be rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.core.candidate import IceCandidate
from gateway.core.description import (
    Codec,
    Fingerprint,
    MediaSection,
    SessionDescription,
    Setup,
)
from gateway.core.sdp_grammar import SdpError

DtlsRole = Literal["client", "server"]

DEFAULT_SCTP_PORT = 5000
DEFAULT_MESSAGE_SIZE = 65_536
"""Bytes, when an offer does not say (RFC 8841 §6.1)."""

DEFAULT_PTIME = 20
MIN_PTIME = 10
MAX_PTIME = 120

# Our DTLS role by the offered a=setup. Given the choice we are the client: the handshake then
# starts as soon as ICE connects, without waiting for the answer to arrive (RFC 5763 §5).
_ROLE_BY_SETUP: dict[Setup | None, DtlsRole] = {
    "actpass": "client",
    "active": "server",
    "passive": "client",
    None: "client",
}
_CLOCK_RATES = {"opus": 48_000, "g722": 8_000, "pcmu": 8_000, "pcma": 8_000}
# With RTCP on the same port these look like RTCP once the marker bit is set (RFC 5761 §4).
_UNSAFE_PAYLOAD_TYPES = range(64, 96)


@dataclass(frozen=True, slots=True)
class AudioAgreement:
    """The audio stream agreed on.

    :ivar codec: as offered, with the offerer's parameters: its wishes for what we send.
    :ivar payload_type: in both directions.
    :ivar send: whether we may send; ``receive``: whether the offerer will.
    :ivar red: payload type of packets with copies of earlier ones (RFC 2198), when offered for this
        codec. For what we receive: we may send it as well, and do not (``docs/opus.md``).
    :ivar telephone_event: payload type of RFC 4733 events, when asked for and offered.
    :ivar ptime: ms per packet that the offerer would like to receive, 10–120.
    :ivar index: which ``m=`` section of the offer (``sdpMLineIndex``).
    """

    mid: str | None
    codec: Codec
    payload_type: int
    send: bool
    receive: bool
    red: int | None = None
    telephone_event: int | None = None
    ptime: int = DEFAULT_PTIME
    index: int = 0


@dataclass(frozen=True, slots=True)
class DataAgreement:
    """The SCTP association for data channels (RFC 8831).

    :ivar sctp_port: the offerer's.
    :ivar max_message_size: bytes that the offerer accepts in one message; 0: any size.
    :ivar index: which ``m=`` section of the offer (``sdpMLineIndex``).
    """

    mid: str | None
    sctp_port: int
    max_message_size: int
    index: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an offer and this gateway agree on; ICE and DTLS values are the offerer's.

    :ivar dtls_role: ours, unless an association exists already and keeps its roles.
    :ivar candidates: of component 1.
    :ivar end_of_candidates: there are candidates, and no more will be trickled. An offer without
        any never ends them: its sender is then learnt from its own checks (peer-reflexive).
    :ivar bundle: mids of the answer's BUNDLE group, the tagged one first; empty when not offered.
    """

    audio: AudioAgreement | None
    data: DataAgreement | None
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    dtls_role: DtlsRole
    candidates: tuple[IceCandidate, ...] = ()
    end_of_candidates: bool = False
    ice_lite: bool = False
    bundle: tuple[str, ...] = ()


def agree(
    offer: SessionDescription,
    codecs: Sequence[str] = ("opus",),
    *,
    telephone_event: bool = False,
) -> Agreement:
    """What this gateway can take of a WebRTC offer: its first audio and its first data channel.

    :param codecs: names that we can encode and decode; the offer's order decides among them.
    :param telephone_event: agree on RFC 4733 events too, when they are offered.
    :raises SdpError: nothing to accept, no common codec, or no ICE, DTLS or RTCP multiplexing.
    """
    audio = _first_live(offer, lambda section: section.kind == "audio")
    data = _first_live(offer, lambda section: section.is_data_channel)
    if audio is not None and data is not None and not {audio.mid, data.mid} <= set(offer.bundle):
        data = None  # It would need a transport of its own.
    accepted = [section for section in (audio, data) if section is not None]
    if not accepted:
        raise SdpError("the offer has neither audio nor a data channel")
    transport = _transport(offer, accepted)
    if audio is not None and not (audio.rtcp_mux or transport.rtcp_mux):
        raise SdpError("not a WebRTC offer: m=audio has no a=rtcp-mux")
    candidates, complete = _remote_candidates(offer, transport)
    return Agreement(
        audio=None if audio is None else _agree_audio(offer, audio, codecs, telephone_event),
        data=None if data is None else _agree_data(offer, data),
        ice_ufrag=transport.ice_ufrag or "",
        ice_pwd=transport.ice_pwd or "",
        fingerprints=transport.fingerprints,
        dtls_role=_dtls_role(transport.setup),
        candidates=candidates,
        end_of_candidates=complete,
        ice_lite=offer.ice_lite,
        bundle=tuple(mid for mid in offer.bundle if mid in {s.mid for s in accepted}),
    )


def is_ice_restart(old: Agreement, new: Agreement) -> bool:
    """Whether a new offer restarts ICE: it changes the credentials (RFC 8839 §4.4.1.1.1)."""
    return (old.ice_ufrag, old.ice_pwd) != (new.ice_ufrag, new.ice_pwd)


def _first_live(
    offer: SessionDescription, wanted: Callable[[MediaSection], bool]
) -> MediaSection | None:
    return next((s for s in offer.media if wanted(s) and _is_live(offer, s)), None)


def _is_live(offer: SessionDescription, section: MediaSection) -> bool:
    """Port 0 withdraws a section, but a bundle-only one lives on its group's (RFC 9143 §6)."""
    return section.port != 0 or (section.bundle_only and section.mid in offer.bundle)


def _transport(offer: SessionDescription, accepted: Sequence[MediaSection]) -> MediaSection:
    """The section whose ICE and DTLS values apply.

    In a BUNDLE group that is the first one we accept (RFC 9143 §7.3.1). Re-offers may state the
    values in the tagged section alone, the group's first, which speaks for all (RFC 9143 §7.1.3).
    """
    group = [s for mid in offer.bundle for s in offer.media if s.mid == mid]
    ours = [section for section in group if section in accepted]
    for section in (*ours, *group) if ours else accepted:
        if not _missing(section):
            return section
    first = accepted[0]
    raise SdpError(
        f"not a WebRTC offer: m={first.kind} ({first.protocol[:40]}) has no "
        + ", ".join(_missing(first))
    )


def _missing(section: MediaSection) -> list[str]:
    needed = {
        "a=ice-ufrag": section.ice_ufrag,
        "a=ice-pwd": section.ice_pwd,
        "a=fingerprint": section.fingerprints,
    }
    return [name for name, value in needed.items() if not value]


def _remote_candidates(
    offer: SessionDescription, transport: MediaSection
) -> tuple[tuple[IceCandidate, ...], bool]:
    """The transport's candidates, and whether they are complete.

    Sections of the same ICE credentials share them, and may leave them to one of their number.
    Those of component 2 are for RTCP, which is multiplexed here.
    """
    same = [s for s in offer.media if s.ice_ufrag == transport.ice_ufrag]
    source = next((s for s in (transport, *same) if s.candidates), transport)
    candidates = tuple(c for c in source.candidates if c.component == 1)
    return candidates, source.end_of_candidates and bool(candidates)


def _dtls_role(setup: Setup | None) -> DtlsRole:
    if setup not in _ROLE_BY_SETUP:
        raise SdpError(f"the offer's a=setup:{setup} allows no DTLS association")
    return _ROLE_BY_SETUP[setup]


def _agree_audio(
    offer: SessionDescription,
    section: MediaSection,
    codecs: Sequence[str],
    telephone_event: bool,
) -> AudioAgreement:
    codec = _common_codec(section, codecs)
    return AudioAgreement(
        mid=section.mid,
        codec=codec,
        payload_type=codec.payload_type,
        send=section.direction in ("sendrecv", "recvonly"),
        receive=section.direction in ("sendrecv", "sendonly"),
        red=_red(section, codec),
        telephone_event=_telephone_event(section, codec) if telephone_event else None,
        ptime=_ptime(section),
        index=offer.media.index(section),
    )


def _common_codec(section: MediaSection, names: Sequence[str]) -> Codec:
    for codec in section.codecs:
        known = any(codec.is_named(name) for name in names)
        rate = _CLOCK_RATES.get(codec.name.lower(), codec.clock_rate)
        if known and _is_safe(codec) and codec.clock_rate == rate:
            return codec
    offered = ", ".join(codec.name for codec in section.codecs) or "none known"
    raise SdpError(f"no common audio codec: {offered[:200]} on offer, not {', '.join(names)}")


def _is_safe(codec: Codec) -> bool:
    return codec.payload_type not in _UNSAFE_PAYLOAD_TYPES


def _red(section: MediaSection, codec: Codec) -> int | None:
    """The payload type of RED whose blocks, by its ``a=fmtp``, are all of ``codec``."""
    for red in section.codecs:
        same = (red.clock_rate, red.channels) == (codec.clock_rate, codec.channels)
        blocks = "/".join(red.parameters).split("/")
        known = red.is_named("red") and set(blocks) == {str(codec.payload_type)}
        if known and same and _is_safe(red):
            return red.payload_type
    return None


def _telephone_event(section: MediaSection, codec: Codec) -> int | None:
    """The payload type with the codec's clock rate, as RFC 4733 §2.1 wants it, else any."""
    events = [c for c in section.codecs if c.is_named("telephone-event")]
    events.sort(key=lambda event: event.clock_rate != codec.clock_rate)
    return events[0].payload_type if events else None


def _ptime(section: MediaSection) -> int:
    longest = min(section.maxptime or MAX_PTIME, MAX_PTIME)
    return max(MIN_PTIME, min(section.ptime or DEFAULT_PTIME, longest))


def _agree_data(offer: SessionDescription, section: MediaSection) -> DataAgreement:
    size = section.max_message_size
    return DataAgreement(
        mid=section.mid,
        sctp_port=section.sctp_port or DEFAULT_SCTP_PORT,
        max_message_size=DEFAULT_MESSAGE_SIZE if size is None else size,
        index=offer.media.index(section),
    )
