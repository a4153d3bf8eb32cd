"""`talkpath bench`: the load tool's command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from client.python.bench import report, subject
from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError
from client.python.bench.figures import Figures
from client.python.bench.model import MockModel
from client.python.bench.profile import Profile, parse_profile
from client.python.bench.run import STAIRCASE_SECONDS, Load, ProfileRun
from client.python.bench.subject import Subject
from client.python.bench.track import RATE
from client.python.loopback import loopback_address
from client.python.wav import AudioFileError, read_wav

MEASURED, FAILED, STOPPED = 0, 1, 130
_MOST = 1_000


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if everything was measured, 1 if not or a call was lost on the way."""
    parser = _parser()
    options = parser.parse_args(argv)
    profiles = options.profile or [parse_profile("rest")]
    try:
        load = load_of(options)
        check(options, profiles)
        figures = asyncio.run(_measure(options, profiles, load))
    except (BenchError, AudioFileError, OSError) as error:
        print(f"talkpath bench: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return STOPPED
    if options.json:
        print(report.to_json(describe(load), figures))
    else:
        print(report.table([(f.profile, f) for f in figures]))
    return FAILED if any(f.calls_lost for f in figures) else MEASURED


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """What is asked of a gateway, whichever it is."""
    parser.add_argument("--calls", type=count, default=20, help="calls at once (20)")
    parser.add_argument("--seconds", type=_seconds, default=20.0, help="measured (20)")
    parser.add_argument("--warm-up", type=_seconds, default=4.0, help="seconds before (4)")
    parser.add_argument(
        "--profile",
        type=_profile,
        action="append",
        help="the callers' network: rest, one-lost, or loss=%%,burst=PACKETS,jitter=MS,reorder=%%; "
        "may be given more than once (rest)",
    )
    parser.add_argument(
        "--barge-ins", type=_natural, default=5, help="answers cut in each call, afterwards (5)"
    )
    parser.add_argument("--speech", type=Path, help="a WAV file to say (synthetic speech)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="talkpath bench",
        description="Places real WebRTC calls from this machine to a gateway on it, with a mock "
        "Realtime model behind it, and tells what they cost and what came through.",
    )
    add_load_options(parser)
    parser.add_argument("--url", help="a running gateway (one is started)")
    parser.add_argument("--pid", type=int, help="its process, for CPU and memory")
    parser.add_argument(
        "--model-port",
        type=int,
        help="where the mock model listens: REALTIME_URL of a running gateway must be "
        "ws://127.0.0.1:PORT/v1/realtime",
    )
    parser.add_argument("--door", choices=("http", "socketio"), default="http")
    parser.add_argument(
        "--offer-path",
        default="/v1/realtime/calls",
        help="takes an SDP offer by POST; {call} in it is the call's number",
    )
    parser.add_argument("--token", help="for a gateway that asks for one")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_setting,
        help="a setting of the gateway that is started",
    )
    return parser


def load_of(options: argparse.Namespace) -> Load:
    """Raises `AudioFileError`."""
    given: dict[str, Any] = {}
    if options.speech is not None:
        given["speech"] = read_wav(options.speech, RATE)
    return Load(
        options.calls,
        options.seconds,
        options.warm_up,
        options.barge_ins,
        **given,
    )


def check(options: argparse.Namespace, profiles: list[Profile]) -> None:
    """Raises `BenchError` for what cannot be measured."""
    if any(profile.one_lost for profile in profiles) and options.seconds < STAIRCASE_SECONDS:
        raise BenchError(f"the profile one-lost takes at least {STAIRCASE_SECONDS:g} seconds")
    url = getattr(options, "url", None)
    if url is None:
        return
    if loopback_address(url) is None:
        raise BenchError("the gateway must be on a loopback address of this machine")
    if options.model_port is None:
        raise BenchError("a running gateway needs --model-port, where it looks for its model")


def describe(load: Load) -> dict[str, Any]:
    """The load, for JSON."""
    return {
        "calls": load.calls,
        "seconds": load.seconds,
        "warm_up": load.warm_up,
        "barge_ins": load.barge_ins,
        "voice": asdict(load.voice),
    }


async def _measure(
    options: argparse.Namespace, profiles: list[Profile], load: Load
) -> list[Figures]:
    model = MockModel()
    await model.start(options.model_port or 0)
    try:
        figures = []
        for profile in profiles:
            async with _gateway(options, model) as measured:
                doors = Doors(measured.url, options.door, options.offer_path, options.token)
                run = ProfileRun(profile, load, doors, measured, model)
                figures.append(await run.measure())
        return figures
    finally:
        await model.stop()


@contextlib.asynccontextmanager
async def _gateway(options: argparse.Namespace, model: MockModel) -> AsyncIterator[Subject]:
    """The gateway that runs, or one of our own: a fresh one for each profile, so that none is
    judged by what another left behind."""
    if options.url is not None:
        yield Subject(options.url, options.pid)
        return
    settings = {**subject.gateway_environment(model.url), **dict(options.set)}
    async with subject.running(subject.gateway_command(), settings) as started:
        yield started


def _profile(text: str) -> Profile:
    try:
        return parse_profile(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _natural(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {_MOST}")
    return int(text)


def count(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("there must be one at least")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time")
    return seconds


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
