"""What an offer and this gateway agree on for one audio stream (RFC 3264), whatever carries it:
codec, payload types, directions, packet length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.description import Codec, Direction, MediaSection, SessionDescription
from gateway.core.media_time import PACKET_MS, SAMPLE_RATE
from gateway.core.sdp_grammar import SdpError

DEFAULT_PTIME = 20
MIN_PTIME = 10
MAX_PTIME = 120

DIRECTIONS: dict[tuple[bool, bool], Direction] = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}
"""Of an answer, by whether we may send and shall receive."""

CLOCK_RATES = {"opus": 48_000, "g722": 8_000, "pcmu": 8_000, "pcma": 8_000}
"""Hz of the RTP timestamps, by the codec's name; the same name at another rate is another codec."""

# With RTCP on the same port these look like RTCP once the marker bit is set (RFC 5761 §4).
_UNSAFE_PAYLOAD_TYPES = range(64, 96)
# Each side says what it would like to receive; nothing is negotiated, so ours replace the offered
# ones (RFC 7587 §7.1). Without them browsers send neither FEC nor mono.
RECEIVE_PARAMETERS = {"opus": {"minptime": "10", "useinbandfec": "1", "stereo": "0"}}
EVENT_PARAMETERS = {"0-15": ""}

# What we offer: the static numbers of RFC 3551, and dynamic ones.
_OFFERED: Final = {"opus": 96, "g722": 9, "pcma": 8, "pcmu": 0}
_OFFERED_EVENTS: Final = {8_000: 101, 48_000: 102}


@dataclass(frozen=True, slots=True)
class AudioAgreement:
    """The audio stream agreed on.

    :ivar codec: as the peer described it, with its parameters: its wishes for what we send.
    :ivar payload_type: in both directions, unless ``receive_type`` says otherwise.
    :ivar send: whether we may send; ``receive``: whether the peer will.
    :ivar red: payload type of packets with copies of earlier ones (RFC 2198), when offered for this
        codec. For what we receive: we may send it as well, and do not (``docs/opus.md``).
    :ivar telephone_event: payload type of RFC 4733 events, when asked for and offered, and
        ``event_clock_rate``, the Hz that durations of events count in.
    :ivar ptime: ms per packet that the peer would like to receive, 10–120.
    :ivar index: which ``m=`` section of the offer (``sdpMLineIndex``).
    :ivar receive_type: payload type of what the peer sends, when its answer to our offer gave the
        codec a number of its own (RFC 3264 §6.1).
    :ivar offered_events: payload types of the events that we offered, one for each clock rate. The
        peer may send any: Chromium takes the one of the lowest rate, whatever the codec.
    """

    mid: str | None
    codec: Codec
    payload_type: int
    send: bool
    receive: bool
    red: int | None = None
    telephone_event: int | None = None
    event_clock_rate: int = 8_000
    ptime: int = DEFAULT_PTIME
    index: int = 0
    receive_type: int | None = None
    offered_events: tuple[int, ...] = ()

    @property
    def event_types(self) -> frozenset[int]:
        """Payload types in which the peer's events may come."""
        if self.telephone_event is None:
            return frozenset()
        return frozenset((self.telephone_event, *self.offered_events))

    @property
    def packet_samples(self) -> int:
        """Samples (24 kHz) in the packets that we send: as many as the peer would like, or the most
        below that which the codec can put into one.
        """
        unable = (30,) if self.codec.is_named("opus") else ()
        fitting = [ms for ms in PACKET_MS if ms <= self.ptime and ms not in unable]
        return max(fitting, default=PACKET_MS[0]) * SAMPLE_RATE // 1000


def agree_audio(
    offer: SessionDescription,
    section: MediaSection,
    codecs: Sequence[str],
    telephone_event: bool,
) -> AudioAgreement:
    """What we can take of one ``m=audio`` section.

    :param codecs: names that we can encode and decode; the section's order decides among them.
    :raises SdpError: no common codec.
    """
    codec = _common_codec(section, codecs)
    event = _telephone_event(section, codec) if telephone_event else None
    return AudioAgreement(
        mid=section.mid,
        codec=codec,
        payload_type=codec.payload_type,
        send=section.direction in ("sendrecv", "recvonly"),
        receive=section.direction in ("sendrecv", "sendonly"),
        red=_red(section, codec),
        telephone_event=event.payload_type if event else None,
        event_clock_rate=event.clock_rate if event else codec.clock_rate,
        ptime=_ptime(section),
        index=offer.media.index(section),
    )


def offered_codecs(names: Sequence[str]) -> tuple[Codec, ...]:
    """The codecs of an offer of ours, with RFC 4733 events at the clock rate of each.

    :param names: of :data:`CLOCK_RATES`, preferred first.
    """
    codecs = [_offered_codec(name) for name in names]
    rates = sorted({codec.clock_rate for codec in codecs})
    return (*codecs, *(event_codec(_OFFERED_EVENTS[rate], rate) for rate in rates))


def _offered_codec(name: str) -> Codec:
    if name == "opus":
        return Codec("opus", _OFFERED[name], 48_000, 2, RECEIVE_PARAMETERS[name])
    return Codec(name.upper(), _OFFERED[name], CLOCK_RATES[name])


def event_codec(payload_type: int, clock_rate: int) -> Codec:
    """RFC 4733 events as we describe them."""
    return Codec("telephone-event", payload_type, clock_rate, 1, EVENT_PARAMETERS)


def agree_as_offered(ours: MediaSection, answered: AudioAgreement) -> AudioAgreement:
    """What we took of an answer to ``ours``, with the payload types that we asked for.

    :raises SdpError: the answer names a codec that was not offered.
    """
    same = (codec for codec in ours.codecs if codec.is_named(answered.codec.name))
    offered = next(same, None)
    if offered is None:
        raise SdpError(f"the answer names {answered.codec.name[:40]}, which was not offered")
    events = tuple(c.payload_type for c in ours.codecs if c.is_named("telephone-event"))
    return replace(answered, receive_type=offered.payload_type, offered_events=events)


def answered_codecs(offered: MediaSection, audio: AudioAgreement) -> tuple[Codec, ...]:
    """The codecs of the answer to a section, with what we would like to receive."""
    wishes = RECEIVE_PARAMETERS.get(audio.codec.name.lower(), {})
    return (
        # In the offerer's order: it sends RED if that comes first.
        *(
            codec if codec.payload_type == audio.red else replace(codec, parameters=wishes)
            for codec in offered.codecs
            if codec.payload_type in (audio.payload_type, audio.red)
        ),
        *(
            replace(codec, parameters=EVENT_PARAMETERS)
            for codec in offered.codecs
            if codec.payload_type == audio.telephone_event
        ),
    )


def _common_codec(section: MediaSection, names: Sequence[str]) -> Codec:
    for codec in section.codecs:
        known = any(codec.is_named(name) for name in names)
        rate = CLOCK_RATES.get(codec.name.lower(), codec.clock_rate)
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


def _telephone_event(section: MediaSection, codec: Codec) -> Codec | None:
    """Events with the codec's clock rate, as RFC 4733 §2.1 wants it, else any."""
    events = [c for c in section.codecs if c.is_named("telephone-event")]
    events.sort(key=lambda event: event.clock_rate != codec.clock_rate)
    return events[0] if events else None


def _ptime(section: MediaSection) -> int:
    longest = min(section.maxptime or MAX_PTIME, MAX_PTIME)
    return max(MIN_PTIME, min(section.ptime or DEFAULT_PTIME, longest))
