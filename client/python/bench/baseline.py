"""`scripts/bench-baseline`: the same load on a stock aiortc bridge and on the gateway, in one run.

Milliseconds of two machines, or of two hours, cannot be compared; the ratio of two measurements
that follow each other on one machine can.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from client.python.bench import report, subject
from client.python.bench.command import (
    FAILED,
    MEASURED,
    STOPPED,
    add_load_options,
    check,
    describe,
    load_of,
)
from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError
from client.python.bench.figures import Figures
from client.python.bench.model import MockModel
from client.python.bench.profile import Profile, parse_profile
from client.python.bench.run import Load, ProfileRun
from client.python.wav import AudioFileError

Pair = tuple[Figures, Figures]
"""A profile's figures of the stock bridge, and of the gateway."""


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if everything was measured, 1 if not. Calls that the stock bridge loses are told,
    and are no failure."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench-baseline",
        description="Measures a stock aiortc bridge and this gateway under the same load, one "
        "after the other, and prints both and their ratio.",
    )
    add_load_options(parser)
    options = parser.parse_args(argv)
    profiles = options.profile or [parse_profile("rest")]
    try:
        load = load_of(options)
        check(options, profiles)
        pairs = asyncio.run(_measure(profiles, load))
    except (BenchError, AudioFileError, OSError) as error:
        print(f"bench-baseline: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return STOPPED
    print(to_json(load, pairs) if options.json else to_text(pairs))
    return FAILED if any(ours.calls_lost for _, ours in pairs) else MEASURED


def to_text(pairs: list[Pair]) -> str:
    """A table for each profile."""
    return "\n\n".join(
        f"{ours.profile}, {ours.calls} calls, {ours.seconds:g} s\n"
        + report.comparison(("stock", stock), ("Talkpath", ours))
        for stock, ours in pairs
    )


def to_json(load: Load, pairs: list[Pair]) -> str:
    """One object: `{host, load, profiles: [{stock, talkpath}, …]}`."""
    both = [{"stock": stock.as_dict(), "talkpath": ours.as_dict()} for stock, ours in pairs]
    return json.dumps({"host": report.host(), "load": describe(load), "profiles": both})


async def _measure(profiles: list[Profile], load: Load) -> list[Pair]:
    model = MockModel()
    await model.start()
    try:
        pairs = []
        for profile in profiles:
            stock = await _one(subject.stock_command(model.url), {}, profile, load, model)
            settings = subject.gateway_environment(model.url)
            ours = await _one(subject.gateway_command(), settings, profile, load, model)
            pairs.append((stock, ours))
        return pairs
    finally:
        await model.stop()


async def _one(
    command: list[str], settings: dict[str, str], profile: Profile, load: Load, model: MockModel
) -> Figures:
    async with subject.running(command, settings) as measured:
        return await ProfileRun(profile, load, Doors(measured.url), measured, model).measure()
