"""When an agent's words are judged, and what becomes of an answer that failed.

Theory of operation. An answer's text comes in pieces, ahead of its voice. Each guardrail judges
what there is of it whenever enough is new, and once more at its end. A judge may be slow: while it
thinks about one answer it is not asked about it again, and what it is asked next is the newest
text, so that nothing queues up. One verdict against an answer withdraws it, and ends all judging of
it. A judge that is away, late or broken, lets the answer pass, or withdraws it too, as its
guardrail says.

An answer that was withdrawn is corrected by a new one. That one is judged as well, so corrections
without a word of the caller's between them are counted, and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MAX_ANSWERS: Final = 4
"""Answers that are judged at once; of more the oldest is let go."""

MAX_TEXT: Final = 4_000
"""Characters of an answer that a judge is shown: the last ones."""

MAX_CORRECTIONS: Final = 2
"""Answers in a row that correct one another; then the agent is silent until the caller speaks."""

_LONGEST_WORD: Final = 40
"""Characters. What has no blank for longer is written without blanks."""


class State(Enum):
    """Of one answer before one judge."""

    RESTING = "resting"
    JUDGING = "judging"
    BEHIND = "behind"
    """Judging, and there is newer text."""
    WITHDRAWN = "withdrawn"


class Input(Enum):
    DUE = "due"
    """Enough is new, or the answer is complete."""
    PASSED = "passed"
    FAILED = "failed"


class Action(Enum):
    NONE = "-"
    JUDGE = "judge"
    WITHDRAW = "withdraw"


_S, _I, _A = State, Input, Action

TRANSITIONS: dict[tuple[State, Input], tuple[State, Action]] = {
    (_S.RESTING, _I.DUE): (_S.JUDGING, _A.JUDGE),
    (_S.JUDGING, _I.DUE): (_S.BEHIND, _A.NONE),
    (_S.JUDGING, _I.PASSED): (_S.RESTING, _A.NONE),
    (_S.BEHIND, _I.PASSED): (_S.JUDGING, _A.JUDGE),
    (_S.JUDGING, _I.FAILED): (_S.WITHDRAWN, _A.WITHDRAW),
    (_S.BEHIND, _I.FAILED): (_S.WITHDRAWN, _A.WITHDRAW),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How one guardrail judges.

    :ivar stride: new characters from one judgement to the next; 1: every word.
    :ivar blocks_when_away: whether an answer that it could not judge is withdrawn.
    """

    stride: int
    blocks_when_away: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """To be made now: by the guardrail of this index, of this text."""

    guardrail: int
    item_id: str
    text: str = field(repr=False)


@dataclass(slots=True)
class _Answer:
    states: list[State]
    judged: list[int]
    """Characters, from its beginning, that each guardrail was shown."""
    length: int = 0
    text: str = field(default="", repr=False)
    ended: bool = False
    """Its last word is whole."""

    @property
    def judgeable(self) -> int:
        """Characters of whole words: a word that is still coming may turn out to be another."""
        if self.ended:
            return self.length
        end = max(self.text.rfind(" "), self.text.rfind("\n")) + 1
        unfinished = len(self.text) - end
        return self.length - unfinished if unfinished <= _LONGEST_WORD else self.length

    def shown(self) -> str:
        return self.text[: len(self.text) - (self.length - self.judgeable)]


class Guard:
    """All guardrails of one conversation. Methods return the judgements to be made now."""

    def __init__(self, paces: Sequence[Pace]) -> None:
        self._paces = tuple(paces)
        self._answers: dict[str, _Answer] = {}
        self._corrections = 0
        self._away = [False] * len(self._paces)
        self.missed = [0] * len(self._paces)
        """Judgements that each guardrail was asked for and did not make."""

    def said(self, item_id: str, delta: str) -> list[Judgement]:
        """More of an answer's text."""
        if not self._paces:
            return []
        answer = self._answers.get(item_id) or self._begin(item_id)
        answer.ended = False
        answer.length += len(delta)
        answer.text = (answer.text + delta)[-MAX_TEXT:]
        return self._due(item_id, answer)

    def ended(self, item_id: str, text: str = "") -> list[Judgement]:
        """An answer, or a part of it, is complete.

        :param text: of an answer that did not come in pieces.
        """
        answer = self._answers.get(item_id)
        if answer is None:
            if not text or not self._paces:
                return []
            answer = self._begin(item_id)
            answer.length, answer.text = len(text), text[-MAX_TEXT:]
        answer.ended = True
        return self._due(item_id, answer)

    def passed(self, judgement: Judgement) -> list[Judgement]:
        """Nothing against it."""
        self._away[judgement.guardrail] = False
        return self._let_pass(judgement)

    def failed(self, judgement: Judgement) -> bool:
        """A verdict against an answer. Returns whether to withdraw it: another guardrail may have
        been faster.
        """
        self._away[judgement.guardrail] = False
        return self._withdraw(judgement)

    def missed_one(self, judgement: Judgement) -> bool:
        """The judge is away. Returns whether to tell of it, once until it is back."""
        self.missed[judgement.guardrail] += 1
        known = self._away[judgement.guardrail]
        self._away[judgement.guardrail] = True
        return not known

    def unjudged(self, judgement: Judgement) -> tuple[bool, list[Judgement]]:
        """What the guardrail says of answers that it could not judge: whether to withdraw this one,
        and else what to judge next.
        """
        if self._paces[judgement.guardrail].blocks_when_away:
            return self._withdraw(judgement), []
        return False, self._let_pass(judgement)

    def may_correct(self) -> bool:
        """Count a correction; False: there were enough in a row."""
        if self._corrections == MAX_CORRECTIONS:
            return False
        self._corrections += 1
        return True

    def caller_spoke(self) -> None:
        """A turn of the caller's: what follows is a new matter."""
        self._corrections = 0

    def _begin(self, item_id: str) -> _Answer:
        if len(self._answers) == MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        count = len(self._paces)
        answer = self._answers[item_id] = _Answer([State.RESTING] * count, [0] * count)
        return answer

    def _due(self, item_id: str, answer: _Answer) -> list[Judgement]:
        judgements = []
        for index, pace in enumerate(self._paces):
            new = answer.judgeable - answer.judged[index]
            if new >= pace.stride or (answer.ended and new):
                judgements += self._feed(index, item_id, Input.DUE)
        return judgements

    def _feed(self, index: int, item_id: str, what: Input) -> list[Judgement]:
        answer = self._answers[item_id]
        state = answer.states[index]
        answer.states[index], action = TRANSITIONS.get((state, what), (state, Action.NONE))
        if action is not Action.JUDGE:
            return []
        answer.judged[index] = answer.judgeable
        return [Judgement(index, item_id, answer.shown())]

    def _let_pass(self, judgement: Judgement) -> list[Judgement]:
        if judgement.item_id not in self._answers:
            return []
        return self._feed(judgement.guardrail, judgement.item_id, Input.PASSED)

    def _withdraw(self, judgement: Judgement) -> bool:
        answer = self._answers.get(judgement.item_id)
        if answer is None:
            return False
        state = answer.states[judgement.guardrail]
        if (state, Input.FAILED) not in TRANSITIONS:
            return False
        answer.states = [State.WITHDRAWN] * len(answer.states)
        return True


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RESTING.value}"]
    for (state, what), (following, action) in TRANSITIONS.items():
        done = "" if action is Action.NONE else f" / {action.value}"
        lines.append(f"    {state.value} --> {following.value}: {what.value}{done}")
    return "\n".join(lines)
