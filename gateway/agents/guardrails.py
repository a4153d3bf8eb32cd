"""Guardrails: judges of what agents say, while they say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.agents.text_model import TextModel
from gateway.agents.tool import Line

DEFAULT_TIMEOUT = 3.0
"""Seconds that a judge may take for one judgement."""

MAX_LINES = 20
"""Lines of the conversation that a judge is told: the last ones."""


class Category(StrEnum):
    OFFENSIVE = "offensive"
    OFF_BRAND = "off_brand"
    VIOLENCE = "violence"
    NONE = "none"
    """Nothing against it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found. ``rationale``: one sentence, which the client and the agent are told."""

    category: Category
    rationale: str = ""


PASSED = Verdict(Category.NONE)


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What a judge may know of the call.

    :ivar agent: the name of the agent that speaks.
    :ivar company_name: whom it speaks for.
    :ivar conversation: the last lines until now, in order.
    :ivar text_model: a model that reasons in text; None: the gateway has none.
    """

    session_id: str
    agent: str
    company_name: str
    conversation: tuple[Line, ...] = field(default=(), repr=False)
    text_model: TextModel | None = field(default=None, repr=False)


class Guardrail(Protocol):
    """A judge of answers; one serves all sessions at once.

    An answer that fails is cut at what was heard of it, and the agent is told to correct itself.
    """

    @property
    def name(self) -> str:
        """What events call it."""

    @property
    def stride(self) -> int:
        """New characters of an answer from one judgement to the next; 1: each word is judged. In
        any case the whole answer is, at its end.
        """

    @property
    def timeout(self) -> float:
        """Seconds that one judgement may take."""

    @property
    def blocks_when_away(self) -> bool:
        """What becomes of an answer that it could not judge, for it was late or failed: it is cut
        (True), or goes on (False). Either way clients are told.
        """

    async def judge(self, text: str, context: GuardContext) -> Verdict:
        """Judge an answer so far: whole words, the last 4,000 characters of it at most. Never asked
        twice at a time about one answer.

        :raises Exception: any: it counts as away.
        """
