"""What a call came to, for people and for machines."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from client.python.peer import CallStats
from client.python.turns import Turn

_COLUMNS = ("turn", "caller spoke", "first audio after", "answer lasted", "level", "longest gap")
_WIDTHS = (4, 15, 17, 13, 11, 11)


@dataclass(frozen=True, slots=True)
class Report:
    """`origin`: the monotonic moment that the table's times count from."""

    turns: Sequence[Turn]
    origin: float
    level_dbfs: float
    stats: CallStats

    @property
    def latencies_ms(self) -> list[float]:
        return [turn.latency_ms for turn in self.turns if turn.latency_ms is not None]

    @property
    def longest_gap_ms(self) -> float:
        return max((turn.longest_gap_ms for turn in self.turns), default=0.0)

    def table(self) -> str:
        rows = [_COLUMNS, *(self._row(turn) for turn in self.turns)]
        lines = ["  ".join(map(str.rjust, row, _WIDTHS)) for row in rows]
        return "\n".join([*lines, *self._totals()])

    def as_json(self, **more: Any) -> str:
        """One line; moments in seconds from `origin`. `more` is put beside the figures."""
        latencies = self.latencies_ms
        return json.dumps(
            {
                "turns": [self._turn_fields(turn) for turn in self.turns],
                "answered": len(latencies),
                "latency_ms": {
                    "median": round(statistics.median(latencies), 1),
                    "min": round(min(latencies), 1),
                    "max": round(max(latencies), 1),
                }
                if latencies
                else None,
                "level_dbfs": round(self.level_dbfs, 1),
                "longest_gap_ms": round(self.longest_gap_ms, 1),
                "packets": asdict(self.stats) | {"loss_percent": self.stats.loss_percent},
                **more,
            },
            ensure_ascii=False,
        )

    def _row(self, turn: Turn) -> tuple[str, ...]:
        spoke = f"{turn.speech_start - self.origin:.1f}-{turn.speech_end - self.origin:.1f} s"
        if turn.answer_start is None or turn.answer_end is None or turn.level_dbfs is None:
            return (str(turn.number), spoke, "no answer", "-", "-", "-")
        return (
            str(turn.number),
            spoke,
            f"{turn.latency_ms:.0f} ms",
            f"{turn.answer_end - turn.answer_start:.1f} s",
            f"{turn.level_dbfs:.1f} dBFS",
            f"{turn.longest_gap_ms:.0f} ms",
        )

    def _totals(self) -> list[str]:
        latencies = self.latencies_ms
        answered = f"turns: {len(self.turns)}, answered: {len(latencies)}"
        packets = (
            f"packets lost: {self.stats.lost + self.stats.late} of "
            f"{self.stats.lost + self.stats.received} ({self.stats.loss_percent:.1f} %)"
        )
        if not latencies:
            return [answered, packets]
        return [
            answered,
            f"end of speech -> first audio heard: median {statistics.median(latencies):.0f} ms, "
            f"min {min(latencies):.0f} ms, max {max(latencies):.0f} ms",
            f"heard: {self.level_dbfs:.1f} dBFS, longest gap inside an answer "
            f"{self.longest_gap_ms:.0f} ms",
            packets,
        ]

    def _turn_fields(self, turn: Turn) -> dict[str, Any]:
        def moment(seconds: float | None) -> float | None:
            return None if seconds is None else round(seconds - self.origin, 3)

        return {
            "number": turn.number,
            "speech_start": moment(turn.speech_start),
            "speech_end": moment(turn.speech_end),
            "answer_start": moment(turn.answer_start),
            "answer_end": moment(turn.answer_end),
            "latency_ms": None if turn.latency_ms is None else round(turn.latency_ms, 1),
            "level_dbfs": None if turn.level_dbfs is None else round(turn.level_dbfs, 1),
            "longest_gap_ms": round(turn.longest_gap_ms, 1),
        }


def turn_line(turn: Turn) -> str:
    """The line printed as soon as a turn is over."""
    if turn.latency_ms is None:
        return f"turn {turn.number}: no answer was heard"
    return f"turn {turn.number}: end of speech -> first audio heard: {turn.latency_ms:.0f} ms"
