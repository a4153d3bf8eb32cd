"""How well the embedded recogniser understands callers behind bad networks: the load tool's calls,
and the gateway's recogniser, neither of which knows the other."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from client.python.bench import recognition, report, subject
from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError
from client.python.bench.model import MockModel
from client.python.bench.profile import Profile, parse_profile
from client.python.bench.prompts import FOLDER, PROMPTS
from client.python.bench.recognition import Clip, Recognise, Understood
from client.python.bench.subject import Subject
from client.python.bench.track import RATE
from client.python.levels import Samples
from client.python.wav import AudioFileError, read_wav
from gateway.core.numerals import spelled
from gateway.local_model.asr import load_recogniser
from gateway.local_model.audio import RECOGNITION_RATE, to_waveform
from gateway.local_model.weights import ModelUnavailable
from gateway.media.resample import resample

PROFILES = ("rest", "loss=5", "loss=10", "loss=10,burst=3")


def main() -> int:
    """Returns 0 if everything was measured, 1 if not."""
    options = _parser().parse_args()
    profiles = [parse_profile(text) for text in options.profile or PROFILES]
    try:
        clips = [
            Clip(text, read_wav(FOLDER / f"{name}.wav", RATE))
            for name, text in list(PROMPTS.items())[: options.clips]
        ]
        recognise = _recogniser()
        rows = asyncio.run(_measure(clips, profiles, options, recognise))
    except (BenchError, AudioFileError, ModelUnavailable, OSError) as error:
        print(f"bench-recognition: {error}", file=sys.stderr)
        return 1
    if options.json:
        told = [row.as_dict() for row in rows]
        print(json.dumps({"host": report.host(), "networks": told}))
    else:
        print(recognition.table(rows, rest=rows[1]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench-recognition",
        description="Says recorded prompts (Debian's asterisk-core-sounds-en-wav) in real calls, "
        "and counts the words that the embedded recogniser gets wrong in what reached the model. "
        "The first network is what the others are compared with.",
    )
    parser.add_argument(
        "--profile",
        action="append",
        help=f"the callers' network, as of talkpath bench; may be given more than once "
        f"({' '.join(PROFILES)})",
    )
    parser.add_argument("--clips", type=int, default=len(PROMPTS), help=f"({len(PROMPTS)})")
    parser.add_argument("--at-once", type=int, default=20, help="calls (20)")
    parser.add_argument("--seed", type=int, default=1, help="of the networks (1)")
    parser.add_argument("--stock", action="store_true", help="a stock aiortc bridge instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _recogniser() -> Recognise:
    recogniser = load_recogniser()

    def recognise(samples: Samples) -> str:
        return spelled(
            recogniser.transcribe(to_waveform(resample(samples, RATE, RECOGNITION_RATE))).text
        )

    return recognise


async def _measure(
    clips: list[Clip], profiles: list[Profile], options: argparse.Namespace, recognise: Recognise
) -> list[Understood]:
    model = MockModel()
    await model.start()
    try:
        rows = [
            recognition.understand("as recorded", clips, recognition.as_recorded(clips), recognise)
        ]
        for profile in profiles:
            async with _gateway(model, stock=options.stock) as gateway:
                doors = Doors(gateway.url)
                delivered = await recognition.deliver(
                    clips, profile, doors, model, options.at_once, options.seed
                )
            # No call is up meanwhile, so that none waits for it.
            rows.append(recognition.understand(profile.name, clips, delivered, recognise))
        return rows
    finally:
        await model.stop()


@asynccontextmanager
async def _gateway(model: MockModel, *, stock: bool) -> AsyncIterator[Subject]:
    command = subject.stock_command(model.url) if stock else subject.gateway_command()
    async with subject.running(command, subject.gateway_environment(model.url)) as started:
        yield started


if __name__ == "__main__":
    sys.exit(main())
