"""What a phone's offer and this gateway agree on: RTP without ICE and DTLS, in clear or with SDES.

The same SDP, codecs and directions as for browsers (:mod:`gateway.core.audio_agreement`); what is
different is where media goes, and its keys. An offer of encryption is never answered in clear.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.core.audio_agreement import AudioAgreement, agree_as_offered, agree_audio
from gateway.core.description import MediaSection, SessionDescription
from gateway.core.sdes import SrtpKey, choose_key
from gateway.core.sdp_grammar import SdpError, parse_number

PLAIN_PROFILES = ("RTP/AVP", "RTP/AVPF")
SECURE_PROFILES = ("RTP/SAVP", "RTP/SAVPF")

_RTCP = re.compile(r"([0-9]{1,5})(?:[ \t]+IN[ \t]+IP[46][ \t]+([0-9A-Z.:_-]{1,255}))?", re.I)
_DISCARD_PORT = 9
"""Said by who does not know its port yet (RFC 8840 §4.3.1), and served by nobody."""


class Destination(NamedTuple):
    """Where a description wants RTP or RTCP sent to: an IP address and a UDP port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class PlainAgreement:
    """The audio stream, and its path.

    :ivar audio: while the peer holds us, ``send`` is False.
    :ivar protocol: of :data:`PLAIN_PROFILES` or :data:`SECURE_PROFILES`.
    :ivar rtp: where the peer wants RTP; None when it does not say so (on hold in the old way, or by
        a name that is no IP address), and only its own packets can tell.
    :ivar rtcp: the same for RTCP; that of ``rtp`` when both share a port.
    :ivar rtcp_mux: RTCP comes and goes on the RTP port (RFC 5761).
    :ivar key: the peer's; None: in clear.
    """

    audio: AudioAgreement
    protocol: str
    rtp: Destination | None
    rtcp: Destination | None
    rtcp_mux: bool = False
    key: SrtpKey | None = None

    @property
    def held(self) -> bool:
        """Whether the peer does not want to hear us now (RFC 3264 §8.4)."""
        return not self.audio.send


def needs_webrtc(offer: SessionDescription) -> bool:
    """Whether an offer is for the WebRTC leg (ICE and DTLS-SRTP) and not for plain RTP.

    ICE without a DTLS fingerprint is none: such an offer is answered without ICE, which its sender
    must be able to do without (RFC 8839 §4.2.4).
    """
    live = [section for section in offer.media if section.port != 0 or section.bundle_only]
    return any(section.is_data_channel for section in live) or any(
        section.kind == "audio" and bool(section.fingerprints) and section.ice_ufrag is not None
        for section in live
    )


def agree_plain(offer: SessionDescription, codecs: Sequence[str]) -> PlainAgreement:
    """What we take of a phone's offer: the first of its audio sections that we can.

    Phones that want encryption but can do without offer it in two sections, the encrypted one first
    by custom, or put ``a=crypto`` into a plain one; both are taken up.

    :param codecs: names that we can encode and decode; the offer's order decides among them.
    :raises SdpError: there is no such section; the reason is that of the first one.
    """
    refused: SdpError | None = None
    for section in offer.media:
        if section.kind == "audio" and section.port != 0:
            try:
                return _agree(section, agree_audio(offer, section, codecs, True))
            except SdpError as error:
                refused = refused or error
    raise refused or SdpError("the offer has no audio")


def agree_to_answer(
    offer: SessionDescription, answer: SessionDescription, codecs: Sequence[str]
) -> PlainAgreement:
    """What the answer to an offer of ours settles.

    :param offer: with one section that is not rejected, of audio.
    :raises SdpError: the answer rejects it, changes its profile, or names nothing that we offered.
    """
    index, ours = next((at, each) for at, each in enumerate(offer.media) if each.port != 0)
    if index >= len(answer.media):
        raise SdpError("the answer has not all sections of the offer")
    section = answer.media[index]
    if section.kind != "audio" or section.port == 0:
        raise SdpError("the answer rejects the audio")
    if _is_secure(section) != _is_secure(ours):
        raise SdpError(f"the answer to {ours.protocol} is {section.protocol[:40]}")
    audio = agree_audio(answer, section, codecs, True)
    agreement = _agree(section, agree_as_offered(ours, audio))
    if not ours.crypto:
        agreement = replace(agreement, key=None)
    elif agreement.key is not None and not any(
        line.split()[:2] == [str(agreement.key.tag), agreement.key.suite] for line in ours.crypto
    ):
        raise SdpError("the answer's a=crypto was not offered")
    return replace(agreement, rtcp_mux=agreement.rtcp_mux and ours.rtcp_mux)


def _agree(section: MediaSection, audio: AudioAgreement) -> PlainAgreement:
    key = _key(section)
    rtp = _destination(section.connection_address, section.port)
    if _is_unspecified(section.connection_address):
        audio = replace(audio, send=False)
    rtcp = rtp if section.rtcp_mux else _rtcp_destination(section, rtp)
    return PlainAgreement(audio, section.protocol, rtp, rtcp, section.rtcp_mux, key)


def _is_secure(section: MediaSection) -> bool:
    return section.protocol in SECURE_PROFILES


def _key(section: MediaSection) -> SrtpKey | None:
    if _is_secure(section):
        return choose_key(section.crypto)
    if section.protocol not in PLAIN_PROFILES:
        raise SdpError(f"m=audio: {section.protocol[:40] or 'no protocol'} is not spoken here")
    try:
        return choose_key(section.crypto)
    except SdpError:
        return None


def _is_unspecified(address: str | None) -> bool:
    """Hold as it was before RFC 3264 (§8.4): ``c=IN IP4 0.0.0.0``."""
    try:
        return address is not None and ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


def _rtcp_destination(section: MediaSection, rtp: Destination | None) -> Destination | None:
    """The next port, unless ``a=rtcp`` says another (RFC 3605); never another host, which no packet
    could vouch for.
    """
    if rtp is None:
        return None
    for name, value in section.attributes:
        match = _RTCP.fullmatch(value) if name == "rtcp" else None
        if match is not None and match[2] in (None, rtp.address):
            port = parse_number(match[1], 0xFFFF)
            return _destination(rtp.address, port) if port else None
    return _destination(rtp.address, rtp.port + 1) if rtp.port < 0xFFFF else None


def _destination(address: str | None, port: int) -> Destination | None:
    """Where media may be sent to at all: one host, by its IP address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    ip = mapped or ip
    reserved = ip.version == 4 and ip.is_reserved  # Of IPv6 that is most of the unassigned space.
    if ip.is_multicast or ip.is_unspecified or reserved or port == _DISCARD_PORT:
        return None
    return Destination(str(ip), port)
