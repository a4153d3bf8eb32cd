"""Offer and answer (RFC 3264, RFC 8829): the answer to an offer, once it is agreed on.

:mod:`gateway.core.agreement` decides what to accept; here it is written down. Offers of ours are
:mod:`gateway.core.webrtc_offer`'s matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gateway.core.agreement import (
    Agreement,
    DataAgreement,
    DtlsRole,
    agree,
    is_ice_restart,
)
from gateway.core.audio_agreement import DIRECTIONS, AudioAgreement, answered_codecs
from gateway.core.candidate import IceCandidate
from gateway.core.description import (
    Fingerprint,
    MediaSection,
    SessionDescription,
    Setup,
)

__all__ = [
    "Agreement",
    "AudioAgreement",
    "DataAgreement",
    "DtlsRole",
    "LocalDescription",
    "agree",
    "answer",
    "default_destination",
    "is_ice_restart",
]

SCTP_PORT = 5000
"""Ours. Nothing is bound to it: it only tells associations inside one DTLS transport apart."""

MAX_MESSAGE_SIZE = 65_536
"""Bytes of one data-channel message that the gateway accepts."""

MEDIA_STREAMS = (("msid-semantic", " WMS *"),)
"""Session attributes: old browsers look for their ``a=msid`` (RFC 8829 §5.2.1)."""

_PORT_WITHOUT_DEFAULT = 9
_ADDRESS_WITHOUT_DEFAULT = "0.0.0.0"

_SETUP_BY_ROLE: dict[DtlsRole, Setup] = {"server": "passive", "client": "active"}


@dataclass(frozen=True, slots=True)
class LocalDescription:
    """Our side of an offer or answer.

    :ivar session_id: 64 bits, the same in all that we say in a session; ``version`` grows by one
        with each answer, and with each offer that says anything new.
    :ivar candidates: all of them; they are declared complete.
    :ivar ssrc: of the audio we send, with its ``cname``, media stream and track.
    :ivar setup: the DTLS role in force, on renegotiation (RFC 8842 §5.5); None: as agreed.
    """

    session_id: int
    version: int
    ice_ufrag: str
    ice_pwd: str
    fingerprint: Fingerprint
    candidates: tuple[IceCandidate, ...]
    ssrc: int
    cname: str
    stream_id: str
    track_id: str
    setup: Literal["active", "passive"] | None = None


def answer(
    offer: SessionDescription, agreement: Agreement, local: LocalDescription
) -> SessionDescription:
    """The answer: one section for each of the offer's, in its order (RFC 8829 §5.3.1).

    :param agreement: what :func:`agree` made of this very offer.
    """
    sections = _AnswerSections(agreement, local)
    return SessionDescription(
        session_id=local.session_id,
        version=local.version,
        media=tuple(sections.answering(i, section) for i, section in enumerate(offer.media)),
        bundle=agreement.bundle,
        attributes=MEDIA_STREAMS,
    )


class _AnswerSections:
    def __init__(self, agreement: Agreement, local: LocalDescription) -> None:
        self._agreement = agreement
        self._local = local

    def answering(self, index: int, offered: MediaSection) -> MediaSection:
        audio, data = self._agreement.audio, self._agreement.data
        if audio is not None and audio.index == index:
            return self._audio(offered, audio)
        if data is not None and data.index == index:
            return self._data(offered)
        return self._rejected(offered)

    def _audio(self, offered: MediaSection, audio: AudioAgreement) -> MediaSection:
        local = self._local
        codecs = answered_codecs(offered, audio)
        return replace(
            self._accepted(offered),
            formats=tuple(str(codec.payload_type) for codec in codecs),
            codecs=codecs,
            direction=DIRECTIONS[audio.send, audio.receive],
            rtcp_mux=True,
            msid=f"{local.stream_id} {local.track_id}" if audio.send else None,
            ssrc=local.ssrc if audio.send else None,
            cname=local.cname if audio.send else None,
        )

    def _data(self, offered: MediaSection) -> MediaSection:
        return replace(
            self._accepted(offered),
            formats=(str(SCTP_PORT),) if offered.is_old_data_channel else offered.formats,
            direction="sendrecv",
            sctp_port=SCTP_PORT,
            max_message_size=MAX_MESSAGE_SIZE,
        )

    def _rejected(self, offered: MediaSection) -> MediaSection:
        """Port 0, and one of the offered formats, as the grammar wants one (RFC 3264 §6)."""
        codecs = tuple(replace(codec, parameters={}) for codec in offered.codecs[:1])
        formats = tuple(str(codec.payload_type) for codec in codecs) or offered.formats[:1]
        return replace(
            self._common(offered),
            protocol=offered.protocol or "RTP/AVP",
            formats=formats or ("0",),
            codecs=codecs,
            rtcp_mux=offered.rtcp_mux,
        )

    def _accepted(self, offered: MediaSection) -> MediaSection:
        """Our end of the transport; the tagged section lists the candidates for its group."""
        local, bundle = self._local, self._agreement.bundle
        address, port = default_destination(local.candidates)
        tagged = not bundle or offered.mid == bundle[0]
        return replace(
            self._common(offered),
            port=port,
            connection_address=address,
            ice_options=("trickle",) if "trickle" in offered.ice_options else (),
            candidates=local.candidates if tagged else (),
            end_of_candidates=tagged,
        )

    def _common(self, offered: MediaSection) -> MediaSection:
        """What every section says, even a rejected one: aiortc refuses it without a transport."""
        local = self._local
        return MediaSection(
            kind=offered.kind,
            port=0,
            protocol=offered.protocol,
            mid=offered.mid,
            direction="inactive",
            ice_ufrag=local.ice_ufrag,
            ice_pwd=local.ice_pwd,
            fingerprints=(local.fingerprint,),
            setup=local.setup or _SETUP_BY_ROLE[self._agreement.dtls_role],
            connection_address=_ADDRESS_WITHOUT_DEFAULT,
        )


def default_destination(candidates: Sequence[IceCandidate]) -> tuple[str, int]:
    """Where a peer without ICE would send, address and port: the candidate likeliest to work
    (RFC 5245 §4.1.4).
    """
    likeliest = ("relay", "srflx", "host")
    usable = [
        c
        for c in candidates
        if c.transport.lower() == "udp" and c.type in likeliest and not c.is_mdns
    ]
    if not usable:
        return _ADDRESS_WITHOUT_DEFAULT, _PORT_WITHOUT_DEFAULT
    best = min(usable, key=lambda c: (likeliest.index(c.type), ":" in c.address, -c.priority))
    return best.address, best.port
