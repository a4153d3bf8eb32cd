"""A supervisor without a language model: rules pick the lookup and word the answer.

It answers where the gateway has no text model, and says that it is a demonstration.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gateway.agents.telecom import wording
from gateway.agents.telecom.lookups import (
    find_nearest_store,
    get_user_account_info,
    lookup_policy_document,
)
from gateway.agents.telecom.understanding import ABOUT_ACCOUNT, Intent, understand
from gateway.agents.text_model import Brief, Call, Result, Step
from gateway.agents.tool import Line, Tool
from gateway.core.numerals import spoken_digits
from gateway.core.phrasing import fresh

_SAID_AT_ONCE = {
    Intent.PROHIBITED: wording.DEFLECT,
    Intent.TRANSFER: wording.TRANSFER,
    Intent.UNSUPPORTED: wording.REFUSE,
}


class RuleSupervisor:
    """See :class:`gateway.agents.text_model.Thinker`."""

    def think(self, brief: Brief) -> RuleThought:
        return RuleThought(brief)


class RuleThought:
    """One question; see :class:`gateway.agents.text_model.Thought`."""

    def __init__(self, brief: Brief) -> None:
        self._said = [line.text for line in brief.conversation if line.role == "assistant"]
        self._before = _answer_before(brief.conversation)
        self._request = understand(brief.conversation, brief.context)

    async def step(self, results: Sequence[Result] = ()) -> Step:
        """Look something up, or answer; fails never."""
        if results:
            return Step(text=self._worded(results[0]))
        request = self._request
        if request.intent in ABOUT_ACCOUNT:
            return self._look_up(get_user_account_info, "phone_number", request.phone_number)
        if request.intent is Intent.STORE:
            return self._look_up(find_nearest_store, "zip_code", request.zip_code)
        if request.intent is Intent.POLICY:
            return self._look_up(lookup_policy_document, "topic", request.words)
        return Step(text=self._in_demonstration(self._fresh(self._phrases())))

    def _phrases(self) -> wording.Phrases:
        match self._request.intent:
            case Intent.AGREED:
                offered = wording.OFFERS_TRANSFER.search(self._before)
                return wording.TRANSFER if offered else wording.AGREED
            case Intent.DECLINED:
                return wording.DECLINED
        return _SAID_AT_ONCE[self._request.intent]

    def _look_up(self, tool: Tool, parameter: str, value: str) -> Step:
        if not value:
            ask = wording.ASK_PHONE if parameter == "phone_number" else wording.ASK_ZIP
            return Step(text=self._fresh(ask))
        return Step([Call("call_1", tool.name, json.dumps({parameter: value}))])

    def _worded(self, result: Result) -> str:
        request = self._request
        if request.intent is Intent.POLICY:
            if result.value is None:
                return self._fresh(wording.NO_POLICY)
            return self._in_demonstration(wording.policy(request.words, result.value[0]))
        if request.intent is Intent.STORE:
            number = spoken_digits(request.zip_code, zero="oh")
            if result.value is None:
                return self._fresh(wording.ASK_ZIP_AGAIN).format(number=number)
            answer = wording.store(result.value)
        else:
            number = spoken_digits(request.phone_number, zero="oh")
            if result.value is None:
                return self._fresh(wording.ASK_PHONE_AGAIN).format(number=number)
            answer = wording.account(request.intent, result.value)
        if request.is_new_number:
            answer = f"{self._fresh(wording.THANK).format(number=number)} {answer}"
        return self._in_demonstration(answer)

    def _in_demonstration(self, answer: str) -> str:
        """With a word that it is one, unless that was said."""
        if any("demonstration" in text for text in [answer, *self._said]):
            return answer
        return f"{answer} {wording.MADE_UP}"

    def _fresh(self, phrases: wording.Phrases) -> str:
        return fresh(phrases, self._said)


def _answer_before(conversation: Sequence[Line]) -> str:
    """What the agent had said when the caller said their last line; a filler phrase comes later."""
    said = ""
    answered = ""
    for line in conversation:
        if line.role == "user":
            answered = said
        else:
            said = line.text
    return answered
