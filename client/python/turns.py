"""One turn of a call: the caller speaks, the agent is heard to answer."""

from dataclasses import dataclass

from client.python.heard import HeardAudio


@dataclass(frozen=True, slots=True)
class Turn:
    """Moments are monotonic seconds, measured at the caller's two ends and nowhere else.

    `speech_start`, `speech_end`: when the first and the last loud part of the caller's utterance
    were sent. `answer_start`, `answer_end`: when the first and the last loud frame of the answer
    arrived; None if none was heard. `longest_gap_ms`: the longest hole inside the answer.
    """

    number: int
    speech_start: float
    speech_end: float
    answer_start: float | None = None
    answer_end: float | None = None
    level_dbfs: float | None = None
    longest_gap_ms: float = 0.0

    @property
    def latency_ms(self) -> float | None:
        """End of speech to first audio heard."""
        if self.answer_start is None:
            return None
        return (self.answer_start - self.speech_end) * 1000.0


def measure_turn(
    heard: HeardAudio,
    number: int,
    speech_start: float,
    speech_end: float,
    until: float = float("inf"),
) -> Turn:
    """The turn of what was said from `speech_start` to `speech_end`, out of what was heard.

    Its answer is the first speech that begins after `speech_end`, and lasts to the last loud frame
    before `until`, the end of the caller's next utterance.
    """
    onset = heard.first_onset_after(speech_end)
    if onset is None or onset > until:
        return Turn(number, speech_start, speech_end)
    end = heard.last_loud_before(until)
    assert end is not None
    # The bounds of a span exclude its first moment.
    before = onset - 0.001
    return Turn(
        number,
        speech_start,
        speech_end,
        answer_start=onset,
        answer_end=end,
        level_dbfs=heard.level(before, end),
        longest_gap_ms=max(
            (gap.milliseconds for gap in heard.gaps(0.0, since=before, until=end)), default=0.0
        ),
    )
