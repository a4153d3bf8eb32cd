"""`talkpath call FILE.wav`: one real call, with a file as the microphone."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.python.client import ANY_ADDRESS, TalkpathClient
from client.python.conversation import Conversation
from client.python.errors import ClientError
from client.python.heard import RATE
from client.python.levels import Samples
from client.python.microphone import Microphone
from client.python.report import Report, turn_line
from client.python.speaker import Speaker
from client.python.talkspurts import Talkspurt, find_talkspurts
from client.python.turns import Turn
from client.python.wav import AudioFileError, read_wav

ANSWERED, UNANSWERED, NOT_PLACED, STOPPED = 0, 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if an answer was heard, 1 if none was, 2 if no call could be placed."""
    options = _parser().parse_args(argv)
    try:
        recording = read_wav(options.file, RATE)
    except AudioFileError as exc:
        return _failed(str(exc), NOT_PLACED)
    if not options.out.parent.is_dir():
        return _failed(f"cannot write {options.out}: no such directory", NOT_PLACED)
    talkspurts = find_talkspurts(recording, RATE)
    if not talkspurts:
        return _failed(f"nobody speaks in {options.file}", NOT_PLACED)
    console = _Console(quiet=options.json)
    try:
        outcome = asyncio.run(_place(options, console, recording, talkspurts))
        return _finish(options, console, outcome)
    except ClientError as exc:
        return _failed(str(exc), NOT_PLACED if exc.code == "unreachable" else UNANSWERED)
    except AudioFileError as exc:
        return _failed(str(exc), UNANSWERED)
    except KeyboardInterrupt:
        return _failed("stopped", STOPPED)


class _Console:
    """Prints what happens as it happens, unless `quiet`, and keeps the transcript."""

    def __init__(self, *, quiet: bool) -> None:
        self.transcript: list[dict[str, str]] = []
        self._quiet = quiet

    def print(self, line: str) -> None:
        if not self._quiet:
            print(line, flush=True)

    def on_transcript(self, text: str, role: str) -> None:
        self.transcript.append({"role": role, "text": text})
        self.print(f"{'caller' if role == 'user' else 'agent'}: {text}")

    def on_error(self, error: Any) -> None:
        print(f"talkpath call: the gateway reports: {error}", file=sys.stderr, flush=True)

    def on_turn(self, turn: Turn) -> None:
        self.print(turn_line(turn))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`caller`: the caller's side on the speaker's time line."""

    report: Report
    speaker: Speaker
    caller: Samples


async def _place(
    options: argparse.Namespace,
    console: _Console,
    recording: Samples,
    talkspurts: list[Talkspurt],
) -> _Outcome:
    """The call from its first packet to its last. Raises `ClientError`."""
    microphone = Microphone()
    speaker = Speaker(keep_seconds=_longest(options, recording, talkspurts))
    async with TalkpathClient(
        options.url,
        user_id=options.user_id,
        agent_set=options.agent_set,
        token=options.token,
        media_address=options.media_address,
    ) as client:
        client.on("transcript", console.on_transcript)
        client.on("error", console.on_error)
        await client.connect()
        await client.call(microphone, speaker, options.transport)
        console.print(f"connected to {options.url}")
        conversation = Conversation(
            client,
            microphone,
            speaker,
            answer_timeout=options.timeout,
            on_turn=console.on_turn,
        )
        converse = conversation.take_turns if options.wait else conversation.play_through
        turns = await converse(recording, talkspurts)
        stats = await client.stats()
    report = Report(turns, speaker.origin or 0.0, speaker.level(), stats)
    return _Outcome(report, speaker, conversation.caller_line(report.origin))


def _finish(options: argparse.Namespace, console: _Console, outcome: _Outcome) -> int:
    """Save what was heard and print the figures. Raises `AudioFileError`."""
    report = outcome.report
    outcome.speaker.write(options.out, caller=outcome.caller if options.stereo else None)
    if options.json:
        more = {"transcript": console.transcript, "heard": str(options.out)}
        print(report.as_json(url=options.url, **more), flush=True)
    console.print(f"{report.table()}\nsaved: {options.out}")
    if report.latencies_ms:
        return ANSWERED
    return _failed("the call was placed, but no answer was heard", UNANSWERED)


def _longest(options: argparse.Namespace, recording: Samples, talkspurts: list[Talkspurt]) -> float:
    """Seconds that the speaker must be able to keep: the recording, and an answer for each turn."""
    per_turn: float = options.timeout + 120.0
    return len(recording) / RATE + len(talkspurts) * per_turn


def _failed(sentence: str, code: int) -> int:
    print(f"talkpath call: {sentence}", file=sys.stderr, flush=True)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="talkpath call",
        description="Place one real WebRTC call with FILE as the microphone; print the transcript "
        "and, per turn, the time from the end of speech to the first audio heard.",
        epilog="The end of speech is the last loud moment of an utterance in FILE, by its energy, "
        "when it was sent; the first audio heard is the arrival of the first loud 20 ms after it. "
        "A pause of 0.7 s or more in FILE ends an utterance. "
        "Exit status: 0 an answer was heard, 1 none was, 2 no call could be placed.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="PCM WAV, any rate and channels")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="gateway (%(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("heard.wav"), help="what was heard (%(default)s)"
    )
    parser.add_argument(
        "--stereo", action="store_true", help="save both sides: left caller, right agent"
    )
    parser.add_argument("--user-id", help="who calls")
    parser.add_argument("--agent-set", help="which agents answer")
    parser.add_argument(
        "--token",
        default=os.environ.get("TALKPATH_TOKEN"),
        help="for a gateway that asks for one (or TALKPATH_TOKEN in the environment)",
    )
    parser.add_argument(
        "--transport",
        choices=["webrtc", "pcm"],
        default="webrtc",
        help="pcm: over Socket.IO, where a network lets no media through (%(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="wait this long for an answer to begin (%(default)s)",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--gap-after-answer",
        dest="wait",
        action="store_true",
        default=True,
        help="say the next utterance once the answer to the last is over (default)",
    )
    pace.add_argument(
        "--no-wait", dest="wait", action="store_false", help="play FILE straight through"
    )
    parser.add_argument(
        "--media-address",
        metavar="ADDRESS",
        help=f"local address for media; '{ANY_ADDRESS}' for every interface (default: the "
        "URL's host if it is a loopback address)",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
