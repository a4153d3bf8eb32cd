"""Every judge of ours is a guardrail, and lets an answer pass when it is away unless told else."""

from __future__ import annotations

import pytest

from gateway.agents.guardrails import Guardrail
from gateway.agents.model_judge import ModelJudge
from gateway.agents.word_rules import WordRules

JUDGES: tuple[Guardrail, ...] = (WordRules(), ModelJudge())
STRICT: tuple[Guardrail, ...] = (
    WordRules(blocks_when_away=True),
    ModelJudge(blocks_when_away=True),
)


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
def test_a_judge_has_a_pace_and_a_limit(judge: Guardrail) -> None:
    assert judge.stride >= 1
    assert 0 < judge.timeout <= 5
    assert not judge.blocks_when_away


def test_blocking_is_a_setting_of_the_guardrail() -> None:
    assert all(judge.blocks_when_away for judge in STRICT)
