"""Audio handed on the moment it arrives, instead of aiortc's stock jitter buffer.

The stock buffer holds back four packets (80 ms), still holds them when a talkspurt ends, so that an
answer's last syllable is heard at the start of the next one, and follows a lost packet with 320 ms
of nothing. A client that measures what a gateway sends, and when, must not add any of that.

So each packet is decoded at once. One that is overtaken (or repeated) is dropped and counted:
decoding it late would need a play-out delay, which is what the listener's own buffer is for.

Private name, read in aiortc 1.16: `RTCRtpReceiver.__jitter_buffer`, of which the receiver calls
`add(packet)` alone.
"""

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_SEQUENCE_NUMBERS = 1 << 16


class ArrivalOrder:
    """Stands where the jitter buffer stood. `late`: packets dropped because they were overtaken."""

    def __init__(self) -> None:
        self.late = 0
        self._newest: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """(False, the packet's frame), or (False, None) for one that comes too late."""
        if self._newest is not None:
            ahead = (packet.sequence_number - self._newest) % _SEQUENCE_NUMBERS
            # RFC 3550, A.1: more than half the circle ahead is behind.
            if ahead == 0 or ahead > _SEQUENCE_NUMBERS // 2:
                self.late += 1
                return False, None
        self._newest = packet.sequence_number
        payload: bytes = packet._data  # type: ignore[attr-defined]  # set by the receiver
        return False, JitterFrame(data=payload, timestamp=packet.timestamp)


def pass_on_arrival(receiver: RTCRtpReceiver) -> ArrivalOrder:
    """Replace the jitter buffer of `receiver`, which has not received yet.

    Raises `AttributeError` or `TypeError` if this aiortc keeps it elsewhere.
    """
    if not isinstance(getattr(receiver, _BUFFER), JitterBuffer):
        raise TypeError("this version of aiortc has another jitter buffer")
    order = ArrivalOrder()
    setattr(receiver, _BUFFER, order)
    return order
