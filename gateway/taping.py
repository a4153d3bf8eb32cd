"""What of core a tape watches, and how what it takes is written: without sound, and without what is
not core's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.conversation import Conversation
from gateway.core import events as told
from gateway.core.events import ErrorCode
from gateway.core.jitter import ReceiveWindow
from gateway.core.playout import Playout
from gateway.core.tape import VERSION, Tape, TapedCall, plain
from gateway.realtime import protocol

HEAD: Final = "talkpath tape"
SET: Final = "set"
WINDOW: Final = "window"

METHODS: Final = {
    "conversation": (
        *("handle", "say", "press", "commit", "clear", "request_response", "interrupt", "played"),
        *("poll", "finish", "model_lost", "model_connected"),
    ),
    "playout": ("next_frame", "settle", "completed"),
    "replay": ("append", "disconnected"),
    "transcript": ("record", "cut"),
    "passed": ("cut",),
    "handover": ("former_said",),
}
"""By which the world reaches core."""

WINDOW_METHODS: Final = ("push", "push_copy", "pop", "reset")

_CORES_OWN: Final = (told.Message, told.TranscriptDelta, told.AudioInterrupted, told.Failed)


class ConversationTape:
    """The tape of one conversation and of the windows by which its caller is heard. It takes what
    core brings about: it is a :class:`~gateway.core.taps.PlayedTap` too.

    :param write: takes each call when it is over.
    """

    def __init__(self, write: Callable[[TapedCall], None]) -> None:
        self._write = write
        self._tape = Tape(self._take, self._look)
        self._fields: tuple[Any, ...] = ()
        self._conversation: Conversation | None = None
        self._windows = 0
        self._facts: dict[str, Callable[[bytes], tuple[int, bool]]] = {}
        write(TapedCall(HEAD, (VERSION,), {}))

    def watch(self, conversation: Conversation, playout: Playout) -> None:
        """Write down all that reaches them; to be called before anything does."""
        self._conversation = conversation
        conversation.new_item_id = self._kept("id", conversation.new_item_id)
        conversation.wall_clock = self._kept("clock", conversation.wall_clock)
        for name, target in objects(conversation, playout).items():
            self._tape.watch(name, target, METHODS[name])

    def watch_window(
        self,
        window: ReceiveWindow,
        clock_rate: int,
        duration_of: Callable[[bytes], int],
        has_fec: Callable[[bytes], bool],
    ) -> None:
        """Write down all that reaches a window, which is as new."""
        self._windows += 1
        name = f"{WINDOW}{self._windows}"
        self._facts[name] = lambda payload: (duration_of(payload), has_fec(payload))
        self._write(TapedCall(name, (clock_rate,), {}))
        self._tape.watch(name, window, WINDOW_METHODS)

    # -- what core brings about

    def on_sent(self, event: protocol.Event) -> None:
        """Core sends the model something."""
        self._tape.output("send", without_sound(event))

    def on_session_event(self, event: told.SessionEvent) -> None:
        """Core tells the doors something."""
        if isinstance(event, told.Message):
            # Agents and guardrails add to a line what is theirs.
            data = {name: value for name, value in event.data.items() if name != "guardrail"}
            event = replace(event, data=data, metadata={})
        # Of failures core tells those of a response; others are the session's, in its midst.
        foreign = isinstance(event, told.Failed) and event.code is not ErrorCode.UPSTREAM_ERROR
        if isinstance(event, _CORES_OWN) and not foreign:
            self._tape.output("emit", plain(event))

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        self._tape.output("taken", [item_id, len(pcm) // 2, fresh])

    def on_recalled(self, samples: int) -> None:
        self._tape.output("recalled", samples)

    def _kept(self, kind: str, source: Callable[[], Any]) -> Callable[[], Any]:
        """What core asks of chance and of the calendar."""

        def kept() -> Any:
            value = source()
            self._tape.output(kind, value)
            return value

        return kept

    # -- to the tape

    def _look(self) -> None:
        """Whether a field was set since the last call."""
        if self._conversation is None:
            return
        fields = fields_of(self._conversation)
        if fields != self._fields:
            self._fields = fields
            self._write(TapedCall(SET, fields, {}))

    def _take(self, call: TapedCall) -> None:
        match call:
            case TapedCall("conversation.handle", (event, *rest)):
                call.args = (without_sound(event), *rest)
            case TapedCall("playout.completed", result=[]):
                return
            case TapedCall(name, (packet, now)) if name.endswith((".push", ".push_copy")):
                *header, payload = packet
                facts = self._facts[name.split(".")[0]](payload) if payload else (0, False)
                call.args = ((*header, len(payload), *facts), now)
        self._write(call)


def objects(conversation: Conversation, playout: Playout) -> dict[str, object]:
    """The objects of core by their names on a tape."""
    return {
        "conversation": conversation,
        "playout": playout,
        "replay": conversation.replay,
        "transcript": conversation.transcript,
        "passed": conversation.passed,
        "handover": conversation.handover,
    }


def fields_of(conversation: Conversation) -> tuple[Any, ...]:
    """Fields that are set from outside."""
    return (
        conversation.audible,
        conversation.barge_in,
        conversation.server_answers,
        conversation.agent_name,
        conversation.replay.manual,
        conversation.passed.is_open,
    )


def set_fields(conversation: Conversation, fields: tuple[Any, ...]) -> None:
    """As :func:`fields_of` told them; the last one is not on tapes of version 1."""
    (
        conversation.audible,
        conversation.barge_in,
        conversation.server_answers,
        conversation.agent_name,
        conversation.replay.manual,
        conversation.passed.is_open,
    ) = (*fields, False)[:6]


def without_sound(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event with the number of its sound's bytes in the place of the sound."""
    match event:
        case {"type": protocol.AUDIO_DELTA, "delta": str()}:
            pcm = protocol.pcm_of(dict(event))
            return {**event, "delta": -1 if pcm is None else len(pcm)}
        case {"type": protocol.APPEND, "audio": str(audio)}:
            return {**event, "audio": len(audio)}
    return dict(event)
