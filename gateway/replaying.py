"""``talkpath replay``: a recorded call through core once more, and where it differs from then.

:func:`play` gives core of today what reached core of then, and tapes it again: the two tapes are
the same, byte for byte, or the first lines that are not tell which rule decides otherwise.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.conversation import Conversation
from gateway.core.jitter import ReceiveWindow
from gateway.core.playout import Playout
from gateway.core.rtp import RtpPacket
from gateway.core.tape import VERSION, TapedCall
from gateway.core.tool_calls import ToolCall, ToolOutput
from gateway.realtime import protocol
from gateway.recording.files import as_line
from gateway.recording.folder import PACKETS
from gateway.taping import HEAD, SET, WINDOW, ConversationTape, objects, set_fields

MAX_SHOWN: Final = 20
"""Differences printed; behind the first one core is in another state, and more follow."""

_TOLD_BY_THE_SESSION: Final = (KeyError, TypeError, AttributeError)
"""What an event without its fields raises, and its session logs."""


class NoTape(Exception):
    """There is nothing to replay: one sentence says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """:ivar number: of the line on the tape, from 1.
    :ivar then, now: the line; empty: there is none.
    """

    number: int
    then: bytes
    now: bytes


class _Payload(bytes):
    """The place of a packet's payload, of which only this was kept."""

    duration: int
    has_fec: bool


class Player:
    """Core once more, from its beginning."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """What was taped of it."""
        self._given: dict[str, Iterator[Any]] = {}
        self._tape = ConversationTape(self._take)
        self._playout = Playout()
        self._playout.taps = (self._tape,)
        self._conversation = Conversation(
            self._playout,
            self._tape.on_sent,
            self._tape.on_session_event,
            lambda: int(self._next("clock")),
        )
        self._conversation.new_item_id = lambda: str(self._next("id"))
        self._objects = objects(self._conversation, self._playout)
        self._tape.watch(self._conversation, self._playout)

    def _take(self, call: TapedCall) -> None:
        self.lines.append(as_line(call.line()))

    def _next(self, kind: str) -> Any:
        """What chance or the calendar said then; nothing, if core did not ask."""
        return next(self._given.get(kind, iter(())), 0)

    def play(self, line: Any) -> None:
        """Do what a line of a tape tells.

        :raises NoTape: it tells nothing that is known.
        """
        match line:
            case [str(name), list(args), _, _, _] if name == HEAD:
                if args not in ([1], [VERSION]):
                    raise NoTape(f"the tape is of version {args[0]}; this reads {VERSION}")
            case [str(name), list(args), _, _, _] if name == SET:
                set_fields(self._conversation, tuple(args))
            case [str(name), [int(rate)], _, _, _] if name.startswith(WINDOW) and "." not in name:
                window = ReceiveWindow(_duration_of, clock_rate=rate, has_fec=_has_fec)
                self._objects[name] = window
                self._tape.watch_window(window, rate, _duration_of, _has_fec)
            case [str(name), list(args), dict(keywords), list(outputs), _]:
                target, _, method = name.partition(".")
                if target not in self._objects or not method:
                    raise NoTape(f"no {name} is known")
                self._given = {
                    kind: iter([value for of, value in outputs if of == kind])
                    for kind in ("id", "clock")
                }
                call = getattr(self._objects[target], method)
                with contextlib.suppress(*_TOLD_BY_THE_SESSION):
                    call(*_arguments(name, args), **keywords)
            case _:
                raise NoTape("a line of another form")


def differences(tape: list[bytes]) -> Iterator[Difference]:
    """Where core decides otherwise today than on the tape.

    :raises NoTape: the tape cannot be read.
    """
    player = Player()
    for number, line in enumerate(tape):
        try:
            player.play(json.loads(line))
        except ValueError:
            raise NoTape(f"line {number + 1} is not JSON") from None
    for number, (then, now) in enumerate(
        itertools.zip_longest(tape, player.lines, fillvalue=b""), start=1
    ):
        if then != now:
            yield Difference(number, then, now)


def main(argv: list[str] | None = None) -> int:
    """``talkpath replay DIR``: 0: all as it was; 1: it differs; 2: there is no tape."""
    parser = argparse.ArgumentParser(
        prog="talkpath replay",
        description="Run a recorded call through the gateway's rules again, and show where they "
        "decide otherwise today.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a recording, of RECORD_PACKETS")
    folder = parser.parse_args(argv).folder
    try:
        tape = _read(folder)
        found = list(differences(tape))
    except NoTape as error:
        print(f"talkpath replay: {error}", file=sys.stderr)
        return 2
    for difference in found[:MAX_SHOWN]:
        print(f"line {difference.number}")
        print(f"  then: {difference.then.decode().rstrip() or 'nothing'}")
        print(f"  now:  {difference.now.decode().rstrip() or 'nothing'}")
    same = "all as it was" if not found else f"{len(found)} differ"
    print(f"{len(tape)} calls into core replayed, {same}")
    return 1 if found else 0


def _read(folder: Path) -> list[bytes]:
    try:
        lines = (folder / PACKETS).read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise NoTape(
            f"{folder / PACKETS}: {(error.strerror or 'unreadable').lower()}; "
            "it is kept with RECORD_PACKETS=true"
        ) from None
    # A crash may cut the last one.
    return lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]


def _arguments(name: str, args: list[Any]) -> list[Any]:
    """What a call was given, as it was before it was written."""
    match name.partition(".")[2], args:
        case "handle", [{"type": protocol.AUDIO_DELTA, "delta": int(size)} as event, now]:
            sound = "!" if size < 0 else base64.b64encode(bytes(size)).decode()
            return [{**event, "delta": sound}, now]
        case "model_connected", [list(known)]:
            return [set(known)]
        case "append", [int(size), now]:
            return [bytes(size), now]
        case "record", [dict(step)]:
            kind = ToolCall if step.pop("is") == ToolCall.__name__ else ToolOutput
            return [kind(**step)]
        case "push" | "push_copy", [list(packet), now]:
            kind_of, marker, sequence, timestamp, ssrc, size, duration, has_fec = packet
            payload = _Payload(size)
            payload.duration, payload.has_fec = duration, has_fec
            return [RtpPacket(kind_of, marker, sequence, timestamp, ssrc, payload), now]
    return args


def _duration_of(payload: bytes) -> int:
    return payload.duration if isinstance(payload, _Payload) else 0


def _has_fec(payload: bytes) -> bool:
    return isinstance(payload, _Payload) and payload.has_fec
