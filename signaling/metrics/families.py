"""The metrics that calls count as they go. What stands still between two looks is not here: see
:mod:`signaling.metrics.collector`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from signaling.metrics.labels import Names

LATENCY: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Seconds a caller may have to wait."""

PACKET: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Seconds from a sound to its packet: one frame at most, where all is well."""

DURATION: Final = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)

PATH: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Seconds of round trip and of jitter."""


class Families:
    """All of them, in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"talkpath_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"talkpath_{name}", text, labels, buckets=buckets, registry=registry)

        self.tool_names = Names()
        self.model_names = Names(16)
        self.error_codes = Names()
        self.categories = Names()

        self.started = counter("calls_started", "Sessions opened.", "door")
        self.ended = counter("calls_ended", "Sessions ended.", "door", "reason")
        self.duration = histogram(
            "call_duration_seconds", "From a session's start to its end.", DURATION, "door"
        )
        self.setup = histogram(
            "call_setup_seconds",
            "From a session's start until its model listens (part=model), and until its caller's "
            "media is connected (part=media).",
            LATENCY,
            *("door", "part"),
        )
        self.turn = histogram(
            "turn_latency_seconds",
            "From the end of the caller's turn to the first packet of the answer; where the client "
            "plays the answer itself, to its first sound.",
            LATENCY,
        )
        self.stage = histogram(
            "turn_stage_seconds",
            "The stages of that: until the model begins a response (model), until the first sound "
            "comes (first_delta; tools run in it), until it is sent (first_packet).",
            tuple(sorted({*PACKET, *LATENCY})),
            "stage",
        )
        self.barge_ins = counter("barge_ins", "Answers cut because the caller spoke.")
        self.failures = counter(
            "session_failures", "Errors that sessions told their clients.", "code"
        )

        self.packets = counter(
            "rtp_packets",
            "Of callers: received, lost (given up), mended (lost, and played from FEC or a copy), "
            "late; and sent to them.",
            "fate",
        )
        self.sound = counter("caller_sound_seconds", "Of callers' speech, lost or not.")
        self.concealed = counter(
            "caller_sound_concealed_seconds", "Of callers' speech that was lost and guessed."
        )
        self.round_trip = histogram(
            "call_round_trip_seconds", "Of RTCP, once a second and call.", PATH
        )
        self.jitter = histogram(
            "call_jitter_seconds", "Of callers' packets, once a second and call.", PATH
        )
        self.underruns = counter("playout_underruns", "Times a model was too slow in mid-sentence.")
        self.dropped = counter(
            "uplink_dropped_seconds", "Of callers' audio that no model took in time."
        )

        self.model_errors = counter("model_errors", "Errors that models reported.", "code")
        self.lost_models = counter(
            "model_connections_lost", "Ways to models that broke in mid-call."
        )
        self.reconnects = counter("model_reconnects", "Those that were found again.")
        self.tokens = counter(
            "model_tokens",
            "Tokens used. Those in direction=cached are among those in direction=in.",
            *("model", "modality", "direction"),
        )
        self.audio = counter(
            "model_audio_seconds", "Of audio, by models that are paid by its duration.", "model"
        )
        self.cost = counter(
            "model_cost_dollars", "US dollars, for models whose price is known.", "model"
        )

        self.tools = counter("tool_calls", "Tools that ran.", "tool", "outcome")
        self.tool_time = histogram("tool_seconds", "How long they ran.", LATENCY, "tool")
        self.lookups = counter(
            "supervisor_lookups", "Steps of supervisors: tools that they asked.", "tool", "outcome"
        )
        self.lookup_time = histogram(
            "supervisor_lookup_seconds", "How long those took.", LATENCY, "tool"
        )
        self.handoffs = counter("handoffs", "Calls that one agent passed to another.")
        self.guardrails = counter("guardrail_hits", "Answers stopped by a guardrail.", "category")
