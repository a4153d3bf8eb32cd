"""Who speaks: one conversation's turns as a table.

Theory of operation. The model's voice detection and its responses, the caller's ``interrupt`` and
the playout each report what happened (:class:`Input`); the table says which state follows and what
must be done (:class:`Action`). A pair that is not in the table changes nothing, so that a late or
repeated event does no harm.

``AGENT_SPEAKING`` lasts until the caller has *heard* the answer, not until the model has sent it:
models send faster than they speak, and a barge-in in the last seconds of an answer must still cut
it.
"""

from __future__ import annotations

from enum import Enum


class Turn(Enum):
    LISTENING = "listening"
    CALLER_SPEAKING = "caller speaking"
    THINKING = "thinking"
    AGENT_SPEAKING = "agent speaking"


class Input(Enum):
    SPEECH_STARTED = "speech started"
    SPEECH_STOPPED = "speech stopped"
    RESPONSE_STARTED = "response started"
    AUDIO_STARTED = "audio started"
    ANSWER_OVER = "answer over"
    INTERRUPTED = "interrupted"


class Action(Enum):
    NONE = "-"
    CUT = "cut"
    """Flush the playout and truncate what the model believes was said."""
    CUT_AND_CANCEL = "cut, cancel"
    """As CUT, and ask the model to stop: it did not decide this by itself."""


_T, _I, _A = Turn, Input, Action

TRANSITIONS: dict[tuple[Turn, Input], tuple[Turn, Action]] = {
    (_T.LISTENING, _I.SPEECH_STARTED): (_T.CALLER_SPEAKING, _A.NONE),
    (_T.LISTENING, _I.RESPONSE_STARTED): (_T.THINKING, _A.NONE),
    (_T.LISTENING, _I.AUDIO_STARTED): (_T.AGENT_SPEAKING, _A.NONE),
    (_T.CALLER_SPEAKING, _I.SPEECH_STOPPED): (_T.THINKING, _A.NONE),
    (_T.CALLER_SPEAKING, _I.RESPONSE_STARTED): (_T.THINKING, _A.NONE),
    (_T.CALLER_SPEAKING, _I.AUDIO_STARTED): (_T.AGENT_SPEAKING, _A.NONE),
    (_T.THINKING, _I.SPEECH_STARTED): (_T.CALLER_SPEAKING, _A.CUT),
    (_T.THINKING, _I.AUDIO_STARTED): (_T.AGENT_SPEAKING, _A.NONE),
    (_T.THINKING, _I.ANSWER_OVER): (_T.LISTENING, _A.NONE),
    (_T.THINKING, _I.INTERRUPTED): (_T.LISTENING, _A.CUT_AND_CANCEL),
    (_T.AGENT_SPEAKING, _I.SPEECH_STARTED): (_T.CALLER_SPEAKING, _A.CUT),
    (_T.AGENT_SPEAKING, _I.ANSWER_OVER): (_T.LISTENING, _A.NONE),
    (_T.AGENT_SPEAKING, _I.INTERRUPTED): (_T.LISTENING, _A.CUT_AND_CANCEL),
}


class Turns:
    """The turn now, and how it changes."""

    def __init__(self) -> None:
        self.now = Turn.LISTENING

    def feed(self, what: Input) -> Action:
        """Apply ``what`` and return what must be done about it."""
        self.now, action = TRANSITIONS.get((self.now, what), (self.now, Action.NONE))
        return action


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""

    def name(turn: Turn) -> str:
        return turn.value.replace(" ", "_")

    lines = ["stateDiagram-v2", f"    [*] --> {name(Turn.LISTENING)}"]
    for (turn, what), (following, action) in TRANSITIONS.items():
        done = "" if action is Action.NONE else f" / {action.value}"
        lines.append(f"    {name(turn)} --> {name(following)}: {what.value}{done}")
    return "\n".join(lines)
