"""WebRTC offers of ours, and what their answers settle (RFC 8829 §5.2, RFC 3264 §6).

An answer may choose the codec, the DTLS role, and to hold us. It may not bring in what was not
offered, nor, within a call, another peer: that would need a leg of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.core.agreement import Agreement, DtlsRole, agree, is_ice_restart
from gateway.core.audio_agreement import AudioAgreement, agree_as_offered, offered_codecs
from gateway.core.description import Codec, MediaSection, SessionDescription, Setup
from gateway.core.negotiation import MEDIA_STREAMS, LocalDescription, default_destination
from gateway.core.sdp_grammar import SdpError

PROTOCOL = "UDP/TLS/RTP/SAVPF"

_MID = "0"

_ANSWERED_SETUPS: tuple[Setup | None, ...] = ("active", "passive", None)
_SETUP_OF_PEER: dict[DtlsRole, Setup] = {"client": "passive", "server": "active"}


def webrtc_offer(local: LocalDescription, codecs: Sequence[str]) -> SessionDescription:
    """The first offer of a session: one audio stream, spoken both ways.

    :param codecs: names of :data:`~gateway.core.audio_agreement.CLOCK_RATES`, preferred first.
    """
    address, port = default_destination(local.candidates)
    section = MediaSection(
        kind="audio",
        port=port,
        protocol=PROTOCOL,
        mid=_MID,
        ice_ufrag=local.ice_ufrag,
        ice_pwd=local.ice_pwd,
        fingerprints=(local.fingerprint,),
        candidates=local.candidates,
        end_of_candidates=True,
        connection_address=address,
    )
    return SessionDescription(
        session_id=local.session_id,
        version=local.version,
        media=(_speaking(section, offered_codecs(codecs), local),),
        bundle=(_MID,),
        attributes=MEDIA_STREAMS,
    )


def webrtc_reoffer(
    said: SessionDescription, agreement: Agreement, local: LocalDescription
) -> SessionDescription:
    """An offer of what is in force, and of speaking both ways: the sections, payload types, ICE
    and DTLS identity stay (RFC 3264 §8).

    :param said: our last answer, or our last offer.
    """
    return replace(
        said,
        media=tuple(
            section if section.port == 0 else _again(section, agreement.audio, local)
            for section in said.media
        ),
    )


def agree_to_webrtc_answer(
    offer: SessionDescription,
    answer: SessionDescription,
    codecs: Sequence[str],
    previous: Agreement | None = None,
) -> Agreement:
    """What the answer to an offer of ours settles.

    :param previous: what is in force, with the DTLS role that is.
    :raises SdpError: the answer does not fit the offer, names what was not offered, rejects the
        audio, or, within a call, is of another ICE or DTLS session.
    """
    if len(answer.media) != len(offer.media):
        raise SdpError(f"{len(answer.media)} m= sections answer {len(offer.media)}")
    for ours, theirs in zip(offer.media, answer.media, strict=True):
        _require_fit(ours, theirs)
    if not set(answer.bundle) <= set(offer.bundle):
        raise SdpError("the answer bundles what was not offered")
    agreement = agree(answer, codecs, telephone_event=True)
    if agreement.audio is not None:
        ours = offer.media[agreement.audio.index]
        audio = _events_as_offered(ours, agree_as_offered(ours, agreement.audio))
        agreement = replace(agreement, audio=audio)
    elif any(section.kind == "audio" and section.port != 0 for section in offer.media):
        raise SdpError("the answer rejects the audio")
    if previous is not None:
        _require_same_peer(previous, agreement, answer)
        agreement = replace(agreement, dtls_role=previous.dtls_role)
    return agreement


def _speaking(
    section: MediaSection, codecs: tuple[Codec, ...], local: LocalDescription
) -> MediaSection:
    """An audio section that offers to speak both ways, in any DTLS role."""
    return replace(
        section,
        formats=tuple(str(codec.payload_type) for codec in codecs),
        codecs=codecs,
        direction="sendrecv",
        setup="actpass",
        rtcp_mux=True,
        msid=f"{local.stream_id} {local.track_id}",
        ssrc=local.ssrc,
        cname=local.cname,
    )


def _again(
    section: MediaSection, audio: AudioAgreement | None, local: LocalDescription
) -> MediaSection:
    if section.kind != "audio" or audio is None:
        return replace(section, setup="actpass")
    received = audio.payload_type if audio.receive_type is None else audio.receive_type
    codecs = tuple(
        codec
        for codec in section.codecs
        if codec.payload_type in (received, audio.red)
        or (audio.telephone_event is not None and _carries_events(codec, audio))
    )
    return _speaking(section, codecs, local)


def _carries_events(codec: Codec, audio: AudioAgreement) -> bool:
    return codec.is_named("telephone-event") and codec.clock_rate == audio.event_clock_rate


def _events_as_offered(ours: MediaSection, audio: AudioAgreement) -> AudioAgreement:
    """Without events, unless they were offered."""
    if any(_carries_events(codec, audio) for codec in ours.codecs):
        return audio
    return replace(audio, telephone_event=None)


def _require_fit(ours: MediaSection, theirs: MediaSection) -> None:
    if theirs.kind != ours.kind:
        raise SdpError(f"m={theirs.kind[:40]} answers m={ours.kind}")
    if theirs.mid not in (None, ours.mid):
        raise SdpError("the answer's a=mid is not that of the offer")
    if theirs.port == 0:
        return
    if ours.port == 0:
        raise SdpError(f"the answer takes m={ours.kind}, which was not on offer")
    if theirs.protocol != ours.protocol:
        raise SdpError(f"the answer to {ours.protocol} is {theirs.protocol[:40]}")
    if theirs.setup not in _ANSWERED_SETUPS:
        raise SdpError(f"a=setup:{theirs.setup} answers nothing")


def _require_same_peer(
    previous: Agreement, agreement: Agreement, answer: SessionDescription
) -> None:
    if is_ice_restart(previous, agreement):
        raise SdpError("the answer restarts ICE, which the offer did not")
    if agreement.fingerprints != previous.fingerprints:
        raise SdpError("the answer has another DTLS fingerprint")
    role = _SETUP_OF_PEER[previous.dtls_role]
    if any(s.port != 0 and s.setup not in (None, role) for s in answer.media):
        raise SdpError(f"the answer's a=setup is not {role}, as it was")
