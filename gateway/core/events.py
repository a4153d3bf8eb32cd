"""What a session tells the doors, as dataclasses. A door turns them into its own wire format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from gateway.core.steps import StepTime
from gateway.core.turn_marks import TurnTimes
from gateway.core.usage import UsageReport


class ErrorCode(Enum):
    """Codes a client can act on; fixed by the public contract."""

    BAD_REQUEST = "bad_request"
    NO_SESSION = "no_session"
    UNAUTHORIZED = "unauthorized"
    CAPACITY = "capacity"
    RATE_LIMITED = "rate_limited"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    NEGOTIATION_FAILED = "negotiation_failed"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_ERROR = "upstream_error"
    SESSION_EXPIRED = "session_expired"
    INTERNAL = "internal"


class GatewayError(Exception):
    """A failure told to the client that caused it: a code of the contract and one clear
    sentence.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Status(Enum):
    DISCONNECTED = "DISCONNECTED"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The session's way to its model changed, or the session ended (``DISCONNECTED`` with its
    reason), or it will.

    :ivar ends_in: seconds until it does for this reason, unless something happens.
    """

    status: Status
    reason: str | None = None
    ends_in: float | None = None


MessageType = Literal["text", "audio", "system"]


@dataclass(frozen=True, slots=True)
class Message:
    """A final line of the conversation, in order. ``timestamp``: ms since the epoch."""

    item_id: str
    type: MessageType
    role: Literal["user", "assistant"]
    content: str
    timestamp: int
    agent: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Of an agent's answer: how it came about, and what is not spoken of it."""


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """More of a line's text, while it is spoken."""

    item_id: str
    role: Literal["user", "assistant"]
    delta: str


@dataclass(frozen=True, slots=True)
class AudioResponse:
    """The agent's voice for a client without another leg: PCM16 mono at ``AUDIO_SAMPLE_RATE``."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class AudioInterrupted:
    """An answer was cut; ``audio_end_ms`` of it were heard."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class UpstreamEvent:
    """An event of the model, verbatim; audio deltas are left out."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LegStateChanged:
    """The caller's peer connection: W3C ``connectionState`` and ``iceConnectionState``."""

    connection: str
    ice: str


@dataclass(frozen=True, slots=True)
class CallStats:
    """Once a second while a leg is connected or disconnected, or the voice goes over signaling;
    unknown values are None, counts since the leg's start.

    :ivar underruns: times the model was too slow in mid-sentence, since the session's start.
    :ivar downlink_fec: whether the caller gets FEC, for it reports loss.
    :ivar usage, steps: as in :class:`UsageChanged`.
    :ivar packets_lost: given up.
    :ivar packets_held: wait behind a hole now.
    :ivar sound_ms, concealed_ms: of the caller's speech; what was lost and guessed of it.
    """

    rtt_ms: float | None
    jitter_ms: float | None
    loss_percent: float | None
    remote_loss_percent: float | None
    concealed_percent: float
    buffer_ms: int
    turn_latency_ms: int | None
    uplink_dropped_ms: int
    underruns: int
    packets_received: int
    packets_mended: int
    packets_late: int
    packets_sent: int
    downlink_fec: bool
    usage: UsageReport = field(default_factory=UsageReport)
    steps: Mapping[str, StepTime] = field(default_factory=dict)
    packets_lost: int = 0
    packets_held: int = 0
    sound_ms: int = 0
    concealed_ms: int = 0


@dataclass(frozen=True, slots=True)
class TurnAnswered:
    """The caller hears the first of an answer, or was sent all of it."""

    times: TurnTimes


@dataclass(frozen=True, slots=True)
class AgentSpeaks:
    """The caller hears the first of what the agent says beside the answer to a turn: behind a
    filler, or of its own accord.
    """


@dataclass(frozen=True, slots=True)
class UsageChanged:
    """What the session used until now, and how long the steps of its answers took. Told once a
    second at most, and at the session's end.
    """

    usage: UsageReport
    steps: Mapping[str, StepTime]


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """What agents do: a tool starts or ends, the call is handed off. ``event["type"]``: which."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong that the client did not ask about."""

    code: ErrorCode
    message: str


SessionEvent = (
    StatusChanged
    | Message
    | TranscriptDelta
    | AudioResponse
    | AudioInterrupted
    | UpstreamEvent
    | LegStateChanged
    | CallStats
    | TurnAnswered
    | AgentSpeaks
    | UsageChanged
    | AgentEvent
    | Failed
)
