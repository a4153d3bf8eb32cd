"""`scripts/soak`: a thousand calls, many of which end badly, and what the gateway holds after each
hundred of them. Flat means: nothing is left of a call that is over."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import linear_regression

import aiohttp

from client.python.bench import report, subject
from client.python.bench.churn import WAYS, Churn
from client.python.bench.command import FAILED, MEASURED, STOPPED, count
from client.python.bench.errors import BenchError
from client.python.bench.footprint import Footprint, Watch, grown, watched
from client.python.bench.model import MockModel

MOST_KIB_PER_CALL = 4.0
"""Of growth. A session that stayed would be 60 KiB, so 8 if it stays after one way in eight; an
allocator that has not yet seen the worst mix of calls grows by 1 to 3."""

SETTLING_SHARE = 0.2
"""Of all calls: the first ones fill pools and caches, and their growth is no leak."""

REST_SECONDS = 60.0
"""That a gateway has to find out about callers who vanished."""

_STEADY_SECONDS = 15.0
"""Longer than what a library lets sleep on for a while, as Engine.IO its pings."""

_FIRST_CALLS = 2 * len(WAYS)
"""Each way by each door, before anything is counted: what is loaded but once is no leak."""

_SETTINGS = {"RECONNECT_GRACE": "1", "LOG_LEVEL": "error"}


@dataclass(frozen=True, slots=True)
class Look:
    """After `calls` calls and `seconds` of them."""

    calls: int
    seconds: float
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Soak:
    """What was seen: the gateway at rest before the first call, and after each so many."""

    looks: Sequence[Look]
    placed: dict[str, int]
    failures: Sequence[str]

    @property
    def kib_per_call(self) -> float | None:
        """The slope of RSS after the first fifth of the calls (least squares)."""
        first = self.looks[-1].calls * SETTLING_SHARE
        settled = [at for at in self.looks if at.calls >= first]
        if len(settled) < 2:
            return None
        calls = [at.calls for at in settled]
        return round(linear_regression(calls, [at.footprint.rss_kib for at in settled]).slope, 2)

    @property
    def left(self) -> dict[str, int]:
        """What the gateway holds more of than before the first call, memory aside."""
        return grown(self.looks[0].footprint, self.looks[-1].footprint)

    @property
    def is_flat(self) -> bool:
        slope = self.kib_per_call
        return not self.left and slope is not None and slope <= MOST_KIB_PER_CALL


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if the gateway stayed flat and every call went the way it was meant to, 1 if
    not."""
    options = _parser().parse_args(argv)
    try:
        soak = asyncio.run(_measure(options.calls, options.at_once, options.every, options.json))
    except (BenchError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return STOPPED
    print(to_json(soak) if options.json else verdict(soak))
    return MEASURED if soak.is_flat and not soak.failures else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Places many short calls to a gateway of its own, ends half of them badly, "
        "and tells what the gateway holds.",
    )
    parser.add_argument("--calls", type=count, default=1000, help="in all (1000)")
    parser.add_argument("--at-once", type=count, default=10, help="at any time (10)")
    parser.add_argument("--every", type=count, default=100, help="calls between two looks (100)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


async def _measure(calls: int, at_once: int, every: int, quiet: bool) -> Soak:
    model, watch = MockModel(), Watch()
    await model.start()
    try:
        command = watched(subject.gateway_command())
        settings = {**subject.gateway_environment(model.url), **_SETTINGS}
        # A connection that is kept for the next request would count as the gateway's.
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            subject.running(command, settings, watch.on_line) as gateway,
            aiohttp.ClientSession(connector=connector) as http,
        ):
            churn = Churn(gateway.url, model, http)
            await churn.place(_FIRST_CALLS, at_once)
            rest = await watch.look_when_steady(gateway, http, _STEADY_SECONDS, REST_SECONDS)
            churn.placed.clear()
            looks = [Look(0, 0.0, rest)]
            if not quiet:
                print(HEAD, row(looks[0]), sep="\n", flush=True)
            started = time.monotonic()
            while (done := looks[-1].calls) < calls:
                more = min(every, calls - done)
                await churn.place(more, at_once)
                footprint = await watch.look_at_rest(gateway, http, rest, REST_SECONDS)
                looks.append(Look(done + more, round(time.monotonic() - started, 1), footprint))
                if not quiet:
                    print(row(looks[-1]), flush=True)
            return Soak(looks, dict(churn.placed), churn.failures)
    finally:
        await model.stop()


HEAD = "".join(
    name.rjust(12)
    for name in ("calls", "seconds", "RSS KiB", *(f.name for f in fields(Footprint)[1:]))
)


def row(look: Look) -> str:
    """A line under `HEAD`."""
    numbers = (look.calls, look.seconds, *asdict(look.footprint).values())
    return "".join(f"{number:12}" for number in numbers)


def verdict(soak: Soak) -> str:
    """Lines: the calls, what grew, and whether that is flat."""
    ways = ", ".join(f"{number} {way}" for way, number in soak.placed.items())
    left = ", ".join(f"{number} {name}" for name, number in soak.left.items()) or "nothing"
    lines = [
        f"calls: {ways}",
        f"RSS after the first {SETTLING_SHARE:.0%} of the calls: {soak.kib_per_call} KiB per call "
        f"(at most {MOST_KIB_PER_CALL:g})",
        f"left after the last call: {left}",
        *(f"FAILED {failure}" for failure in soak.failures),
        "flat" if soak.is_flat else "NOT flat",
    ]
    return "\n".join(lines)


def to_json(soak: Soak) -> str:
    """One object: `{host, looks: [...], placed, kib_per_call, left, failures, flat}`."""
    return json.dumps(
        {
            "host": report.host(),
            "looks": [asdict(look) for look in soak.looks],
            "placed": soak.placed,
            "kib_per_call": soak.kib_per_call,
            "left": soak.left,
            "failures": list(soak.failures),
            "flat": soak.is_flat,
        }
    )
