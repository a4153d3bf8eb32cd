"""Offers to phones, and answers to theirs, written down (RFC 3264, RFC 4568)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.audio_agreement import (
    DIRECTIONS,
    RECEIVE_PARAMETERS,
    answered_codecs,
    event_codec,
    offered_codecs,
)
from gateway.core.description import Codec, MediaSection, SessionDescription
from gateway.core.plain_agreement import PlainAgreement
from gateway.core.sdes import SrtpKey

PTIME: Final = 20
"""Milliseconds of a packet that we ask for, and send unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class PlainLocal:
    """Our side.

    :ivar session_id: 64 bits, the same as long as the session lives; ``version`` grows by one each
        time the description changes.
    :ivar address: announced, with the ``port`` of RTP; that of RTCP is the next one.
    :ivar keys: ours, one for each suite, the preferred first; tags count from 1.
    """

    session_id: int
    version: int
    address: str
    port: int
    keys: tuple[SrtpKey, ...]

    def key_for(self, theirs: SrtpKey) -> SrtpKey:
        """Ours of the same suite, under the peer's tag."""
        ours = next(key for key in self.keys if key.suite == theirs.suite)
        return replace(ours, tag=theirs.tag)


def plain_answer(offer: SessionDescription, agreement: PlainAgreement, local: PlainLocal) -> str:
    """The SDP answer: one section for each of the offer's, all but one with port 0 (RFC 3264 §6).

    :param agreement: made of this very offer.
    """
    return SessionDescription(
        session_id=local.session_id,
        version=local.version,
        media=tuple(
            _accepted(offered, agreement, local)
            if index == agreement.audio.index
            else _rejected(offered, local)
            for index, offered in enumerate(offer.media)
        ),
    ).format()


def plain_offer(local: PlainLocal, codecs: Sequence[str], *, secure: bool) -> SessionDescription:
    """An offer of one audio stream.

    :param codecs: names of :data:`~gateway.core.audio_agreement.CLOCK_RATES`, preferred first.
    :param secure: with SDES keys, and in no other way.
    """
    section = replace(
        _described(local, offered_codecs(codecs)),
        protocol="RTP/SAVP" if secure else "RTP/AVP",
        direction="sendrecv",
        rtcp_mux=True,
        crypto=tuple(key.format() for key in local.keys) if secure else (),
    )
    return SessionDescription(local.session_id, local.version, (section,))


def plain_refresh(local: PlainLocal, agreement: PlainAgreement) -> SessionDescription:
    """An offer of what is in force, as for a session timer (RFC 4028), and of speaking both ways.

    :param agreement: its payload types keep their meaning (RFC 3264 §8.3.2).
    """
    audio = agreement.audio
    received = audio.payload_type if audio.receive_type is None else audio.receive_type
    parameters = RECEIVE_PARAMETERS.get(audio.codec.name.lower(), {})
    codecs = [replace(audio.codec, payload_type=received, parameters=parameters)]
    if audio.telephone_event is not None:
        codecs.append(event_codec(audio.telephone_event, audio.event_clock_rate))
    section = replace(
        _described(local, tuple(codecs)),
        protocol=agreement.protocol,
        direction="sendrecv",
        rtcp_mux=agreement.rtcp_mux,
        crypto=(local.key_for(agreement.key).format(),) if agreement.key else (),
    )
    return SessionDescription(local.session_id, local.version, (section,))


def _accepted(offered: MediaSection, agreement: PlainAgreement, local: PlainLocal) -> MediaSection:
    audio = agreement.audio
    return replace(
        _described(local, answered_codecs(offered, audio)),
        protocol=offered.protocol,
        mid=offered.mid,
        direction=DIRECTIONS[audio.send, audio.receive],
        rtcp_mux=agreement.rtcp_mux,
        crypto=(local.key_for(agreement.key).format(),) if agreement.key else (),
    )


def _described(local: PlainLocal, codecs: tuple[Codec, ...]) -> MediaSection:
    return MediaSection(
        kind="audio",
        port=local.port,
        protocol="",
        formats=tuple(str(codec.payload_type) for codec in codecs),
        codecs=codecs,
        ptime=PTIME,
        connection_address=local.address,
    )


def _rejected(offered: MediaSection, local: PlainLocal) -> MediaSection:
    """Port 0, and one of the offered formats, as the grammar wants one."""
    return MediaSection(
        kind=offered.kind,
        port=0,
        protocol=offered.protocol or "RTP/AVP",
        formats=offered.formats[:1] or ("0",),
        mid=offered.mid,
        direction="inactive",
        connection_address=local.address,
    )
