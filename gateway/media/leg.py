"""What every leg offers a session, and what it tells it.

A leg carries one caller's audio: WebRTC today; plain RTP and PCM legs differ only behind this
protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable


class LegState(Enum):
    """W3C ``RTCPeerConnectionState``."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Nothing is heard of the caller, and nothing is sent to it; it may come back, by the path
    that is there or by an ICE restart.
    """
    FAILED = "failed"
    CLOSED = "closed"


class LegEvent(Enum):
    OFFERED = "offered"
    SECURED = "secured"
    """A path is open, and the keys are agreed on."""
    SILENT = "peer silent"
    HEARD = "peer heard"
    """By a path that was silent, or on a new one."""
    LOST = "lost"
    """No path, no keys, or the peer is gone."""
    CLOSED = "closed"
    """By either side."""


_S, _E = LegState, LegEvent

TRANSITIONS: dict[tuple[LegState, LegEvent], LegState] = {
    (_S.NEW, _E.OFFERED): _S.CONNECTING,
    (_S.NEW, _E.CLOSED): _S.CLOSED,
    (_S.CONNECTING, _E.SECURED): _S.CONNECTED,
    (_S.CONNECTING, _E.LOST): _S.FAILED,
    (_S.CONNECTING, _E.CLOSED): _S.CLOSED,
    (_S.CONNECTED, _E.SILENT): _S.DISCONNECTED,
    (_S.CONNECTED, _E.LOST): _S.FAILED,
    (_S.CONNECTED, _E.CLOSED): _S.CLOSED,
    (_S.DISCONNECTED, _E.HEARD): _S.CONNECTED,
    (_S.DISCONNECTED, _E.LOST): _S.FAILED,
    (_S.DISCONNECTED, _E.CLOSED): _S.CLOSED,
    (_S.FAILED, _E.CLOSED): _S.CLOSED,
}
"""What is not in the table changes nothing."""


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {LegState.NEW.value}"]
    for (state, what), following in TRANSITIONS.items():
        lines.append(f"    {state.value} --> {following.value}: {what.value}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class LegStats:
    """The quality of a leg now; counts since its start. Unknown values are None.

    :ivar rtt_ms: round trip (RFC 3550 §6.4.1).
    :ivar jitter_ms, loss_percent: of the packets that come; loss in the last report interval.
    :ivar remote_loss_percent: of the packets that we send, as the caller last reported.
    :ivar concealed_percent: share of the caller's speech that was lost and guessed, by samples.
    :ivar packets_mended: did not come in time, and were played from FEC or a copy.
    :ivar packets_late: came after their place was filled.
    :ivar sending_fec: the caller reports loss, and gets FEC.
    :ivar packets_lost: given up.
    :ivar packets_held: wait behind a hole now.
    :ivar sound_ms, concealed_ms: of the caller's speech; what was lost and guessed of it.
    """

    rtt_ms: float | None = None
    jitter_ms: float | None = None
    loss_percent: float | None = None
    remote_loss_percent: float | None = None
    concealed_percent: float = 0.0
    packets_received: int = 0
    packets_mended: int = 0
    packets_late: int = 0
    packets_sent: int = 0
    sending_fec: bool = False
    packets_lost: int = 0
    packets_held: int = 0
    sound_ms: int = 0
    concealed_ms: int = 0


class LegHandler(Protocol):
    """A session, as its leg sees it. Called on the event loop; must return at once."""

    def on_audio(self, pcm: bytes) -> None:
        """The caller's audio in order: PCM16 mono at
        :data:`~gateway.core.media_time.SAMPLE_RATE`, any number of samples.
        """

    def on_dtmf(self, key: str) -> None:
        """The caller pressed a key of ``0-9*#A-D`` (RFC 4733)."""

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        """The leg moved to ``state``."""

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        """The last sample of these items was sent, or the first one of an item
        (:meth:`Playout.started`); ``drained``: nothing more is owed now.
        """

    def on_data_open(self, label: str) -> None:
        """The caller opened the data channel ``label``."""

    def on_data(self, label: str, message: str) -> None:
        """A text message arrived on the data channel ``label``."""


class Leg(Protocol):
    """One caller's audio path."""

    @property
    def state(self) -> LegState:
        """Where the leg stands; FAILED and CLOSED are final."""

    def wake(self) -> None:
        """Audio is owed: start sending it, if the leg was silent."""

    @property
    def data_open(self) -> bool:
        """Whether the caller opened a data channel."""

    def send_data(self, message: str) -> None:
        """Send a text message on the caller's data channel; dropped when there is none, when it is
        larger than the caller takes, or when too much waits there already.
        """

    def stats(self) -> LegStats:
        """What is known of the path."""

    async def close(self) -> None:
        """Hang up, and release everything the leg holds. The handler is told CLOSED at once and
        nothing after that. May be called twice, and cancelled: the release goes on.
        """


@runtime_checkable
class DiallingLeg(Protocol):
    """A leg that can press keys."""

    async def send_dtmf(self, keys: str) -> None:
        """Press keys of ``0-9*#A-D`` towards the caller, one after the other.

        :raises KeysNotTaken: the caller takes none in its media, or none any more.
        """


class KeysNotTaken(Exception):
    """The peer takes no keys in its RTP stream, now or at all.

    :ivar rest: the keys that were not pressed.
    """

    def __init__(self, rest: str) -> None:
        super().__init__("the other side takes no keys")
        self.rest = rest
