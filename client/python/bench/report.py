"""The figures as a table, profiles side by side, and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from client.python.bench.figures import Figures, Summary

_UNKNOWN = "-"


def _number(value: float | None, digits: int = 1) -> str:
    return _UNKNOWN if value is None else f"{value:.{digits}f}"


def _spread(summary: Summary, digits: int = 1) -> str:
    """`p50 / p99 / max`."""
    if not summary.count:
        return _UNKNOWN
    return " / ".join(_number(v, digits) for v in (summary.p50, summary.p99, summary.max))


def _percent(share: float | None) -> str:
    return _UNKNOWN if share is None else f"{100 * share:.2f}"


def _stop(figures: Figures) -> str:
    never = f" ({figures.barge_in.never} never)" if figures.barge_in.never else ""
    return _spread(figures.barge_in.stop_ms) + never


def _histogram(figures: Figures) -> str:
    bins = figures.barge_in.truncation_histogram
    return " ".join(f"{middle}:{count}" for middle, count in bins.items()) or _UNKNOWN


def _recovery(figures: Figures) -> str:
    recovery = figures.recovery
    if not recovery.ms.count and not recovery.never:
        return _UNKNOWN
    never = f" ({recovery.never} never)" if recovery.never else ""
    return _spread(recovery.ms, 0) + never


ROWS: Sequence[tuple[str, Callable[[Figures], str]]] = (
    ("CPU, ms per call-second", lambda f: _number(f.cpu_ms_per_call_s)),
    ("calls per core at 80 %", lambda f: _number(f.calls_per_core, 0)),
    ("threads", lambda f: _number(f.threads, 0)),
    ("uplink, ms", lambda f: _spread(f.uplink_ms)),
    ("uplink probes heard / missed", lambda f: f"{f.uplink_ms.count} / {f.uplink_missed}"),
    ("delivered, % of the time line", lambda f: _percent(f.delivered)),
    ("  of the worst call", lambda f: _percent(f.delivered_worst)),
    ("packets the network took, %", lambda f: _percent(f.packets_lost)),
    ("downlink, ms", lambda f: _spread(f.downlink_ms)),
    ("downlink answers heard / missed", lambda f: f"{f.downlink_ms.count} / {f.downlink_missed}"),
    ("  heard, % of each", lambda f: _percent(f.downlink_delivered)),
    ("pacing, ms off", lambda f: _spread(f.pacing_ms)),
    ("RTP clock off over a silence, ms", lambda f: _number(f.rtp_clock_error_ms)),
    ("barge-in to silence, ms", _stop),
    ("barge-ins", lambda f: f"{f.barge_in.stop_ms.count + f.barge_in.never}"),
    ("truncation error, ms", lambda f: _spread(f.barge_in.truncation_error_ms)),
    ("  signed, cuts by 5 ms", _histogram),
    ("one lost packet to rest, ms", _recovery),
    ("RSS idle -> busy, MiB", lambda f: f"{_number(f.rss_idle_mib)} -> {_number(f.rss_mib)}"),
    ("RSS per call, KiB", lambda f: _number(f.rss_per_call_kib, 0)),
    ("set-up, ms", lambda f: _spread(f.setup_ms, 0)),
    ("set-up CPU, ms per call", lambda f: _number(f.setup_cpu_ms)),
    ("calls lost", lambda f: str(f.calls_lost)),
    ("generator CPU, ms per call-second", lambda f: _number(f.generator_cpu_ms_per_call_s)),
    ("generator lag, ms", lambda f: _spread(f.generator_lag_ms)),
)
"""What each row is called and says. Three values are p50 / p99 / max."""


def table(columns: Sequence[tuple[str, Figures]]) -> str:
    """One column for each pair of a title and its figures."""
    cells = [[title for title, _ in columns]]
    cells += [[say(figures) for _, figures in columns] for _, say in ROWS]
    lines = layout(["p50 / p99 / max", *(name for name, _ in ROWS)], cells)
    return "\n".join([lines, *doubts(columns)])


def doubts(columns: Sequence[tuple[str, Figures]]) -> list[str]:
    """A line for each measurement in which the generator was the bottleneck."""
    return [
        f"UNRELIABLE, {title}: {' and '.join(figures.doubts)}; "
        "latencies and pacing are this machine's, not the gateway's"
        for title, figures in columns
        if figures.doubts
    ]


RATIOS: Mapping[str, Callable[[Figures], Sequence[float | None]]] = {
    "CPU, ms per call-second": lambda f: (f.cpu_ms_per_call_s,),
    "uplink, ms": lambda f: (f.uplink_ms.p50, f.uplink_ms.p99, f.uplink_ms.max),
    "downlink, ms": lambda f: (f.downlink_ms.p50, f.downlink_ms.p99, f.downlink_ms.max),
    "pacing, ms off": lambda f: (f.pacing_ms.p50, f.pacing_ms.p99, f.pacing_ms.max),
    "RSS per call, KiB": lambda f: (f.rss_per_call_kib,),
    "set-up, ms": lambda f: (f.setup_ms.p50, f.setup_ms.p99, f.setup_ms.max),
    "set-up CPU, ms per call": lambda f: (f.setup_cpu_ms,),
}
"""The rows of which a ratio says something: less is better."""


def comparison(stock: tuple[str, Figures], ours: tuple[str, Figures]) -> str:
    """Two columns and how many times less the second is."""
    cells = [[stock[0], ours[0], "times less"]]
    for name, say in ROWS:
        values = RATIOS.get(name)
        pairs = zip(values(stock[1]), values(ours[1]), strict=True) if values else ()
        ratio = " / ".join(_ratio(theirs, its) for theirs, its in pairs)
        cells.append([say(stock[1]), say(ours[1]), ratio])
    lines = layout(["p50 / p99 / max", *(name for name, _ in ROWS)], cells)
    return "\n".join([lines, *doubts([stock, ours])])


def _ratio(theirs: float | None, ours: float | None) -> str:
    return f"{theirs / ours:.1f}" if theirs is not None and ours else _UNKNOWN


def layout(names: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Lines of a name and its cells; columns as wide as they must be."""
    first = max(map(len, names))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for name, row in zip(names, cells, strict=True):
        padded = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("   ".join([name.ljust(first), *padded]).rstrip())
    return "\n".join(lines)


def host() -> dict[str, Any]:
    """The machine that the figures are of."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def to_json(load: dict[str, Any], figures: Sequence[Figures]) -> str:
    """One object: `{host, load, profiles: [...]}`."""
    return json.dumps({"host": host(), "load": load, "profiles": [f.as_dict() for f in figures]})
