"""What an offer and this gateway agree on (RFC 3264, RFC 8829 §5.3).

The gateway answers with one ICE and DTLS transport that carries at most one audio stream and one
data-channel association; everything else on offer is left to be rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.core.audio_agreement import AudioAgreement, agree_audio
from gateway.core.candidate import IceCandidate
from gateway.core.description import (
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

# Our DTLS role by the offered a=setup. Given the choice we are the client: the handshake then
# starts as soon as ICE connects, without waiting for the answer to arrive (RFC 5763 §5).
_ROLE_BY_SETUP: dict[Setup | None, DtlsRole] = {
    "actpass": "client",
    "active": "server",
    "passive": "client",
    None: "client",
}


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
        raise SdpError("there is neither audio nor a data channel")
    transport = _transport(offer, accepted)
    if audio is not None and not (audio.rtcp_mux or transport.rtcp_mux):
        raise SdpError("not WebRTC: m=audio has no a=rtcp-mux")
    candidates, complete = _remote_candidates(offer, transport)
    return Agreement(
        audio=None if audio is None else agree_audio(offer, audio, codecs, telephone_event),
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
        f"not WebRTC: m={first.kind} ({first.protocol[:40]}) has no " + ", ".join(_missing(first))
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
        raise SdpError(f"a=setup:{setup} allows no DTLS association")
    return _ROLE_BY_SETUP[setup]


def _agree_data(offer: SessionDescription, section: MediaSection) -> DataAgreement:
    size = section.max_message_size
    return DataAgreement(
        mid=section.mid,
        sctp_port=section.sctp_port or DEFAULT_SCTP_PORT,
        max_message_size=DEFAULT_MESSAGE_SIZE if size is None else size,
        index=offer.media.index(section),
    )
