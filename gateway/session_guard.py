"""What a session does about its guardrails: asks them off the path, and withdraws what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from gateway.agents.guardrails import Category, GuardContext, Guardrail, Verdict
from gateway.conversation import Conversation
from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.guard import Guard, Judgement, Pace
from gateway.core.turns import Turn
from gateway.realtime import protocol

log = structlog.get_logger(__name__)

CANCEL_TIMEOUT = 1.0
"""Seconds that a judge may take to stop; then it is left to itself."""

_UNJUDGED = Verdict(Category.NONE, "it could not be judged")


class SessionGuard:
    """The guardrails of one session.

    :param guardrails: those of the agents that answer now.
    :param context: what a judge may know now.
    :param emit: takes session events for the doors.
    :param send: takes client events for the model.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        guardrails: Callable[[], Sequence[Guardrail]],
        context: Callable[[], GuardContext],
        emit: Callable[[SessionEvent], None],
        send: Callable[[protocol.Event], None],
    ) -> None:
        self._conversation = conversation
        self._wanted = guardrails
        self._context = context
        self._emit = emit
        self._send = send
        self._clock = asyncio.get_running_loop().time
        self._tasks: asyncio.TaskGroup | None = None
        self._guardrails: Sequence[Guardrail] = ()
        self._guard = Guard(())

    async def run(self) -> None:
        """Own the judgements under way until cancelled, which cancels them."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await asyncio.Event().wait()
        finally:
            self._tasks = None
            self._log_missed()

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""
        match event:
            case {"type": protocol.RESPONSE_CREATED}:
                self._choose()
            case {"type": protocol.COMMITTED}:
                self.caller_spoke()
            case {"response_id": str(response_id)} if self._conversation.responses.stale(
                response_id
            ):
                pass
            case {
                "type": protocol.AUDIO_TRANSCRIPT_DELTA | protocol.TEXT_DELTA,
                "item_id": str(item_id),
                "delta": str(delta),
            }:
                self._judge(self._guard.said(item_id, delta))
            case {
                "type": protocol.AUDIO_TRANSCRIPT_DONE | protocol.TEXT_DONE,
                "item_id": str(item_id),
            }:
                text = event.get("transcript", event.get("text"))
                self._judge(self._guard.ended(item_id, text if isinstance(text, str) else ""))
            case {"type": protocol.RESPONSE_DONE, "response": {"id": str(response_id)}}:
                # Also of an answer that broke off.
                if not self._conversation.responses.stale(response_id):
                    for item_id in protocol.output_ids(event):
                        self._judge(self._guard.ended(item_id))

    def caller_spoke(self) -> None:
        """The caller said, typed or pressed something."""
        self._guard.caller_spoke()

    def _choose(self) -> None:
        """Another set of agents has its own guardrails, from its first answer on."""
        wanted = self._wanted()
        if wanted is not self._guardrails:
            self._log_missed()
            self._guardrails = wanted
            self._guard = Guard([Pace(g.stride, g.blocks_when_away) for g in wanted])

    def _log_missed(self) -> None:
        for guardrail, missed in zip(self._guardrails, self._guard.missed, strict=True):
            if missed:
                log.warning("guardrail missed", guardrail=guardrail.name, judgements=missed)

    # -- judging

    def _judge(self, judgements: Sequence[Judgement]) -> None:
        for judgement in judgements:
            assert self._tasks is not None
            guardrail = self._guardrails[judgement.guardrail]
            self._tasks.create_task(
                self._ask(self._guard, guardrail, judgement), name=f"guardrail {guardrail.name}"
            )

    async def _ask(self, guard: Guard, guardrail: Guardrail, judgement: Judgement) -> None:
        """:param guard: that of the guardrail; the session's may be another one by the end."""
        outcome = await _verdict(guardrail, judgement.text, self._context())
        if not isinstance(outcome, Verdict):
            self._away(guard, guardrail, judgement, outcome)
        elif outcome.category is Category.NONE:
            self._judge_more(guard, guard.passed(judgement))
        elif guard.failed(judgement):
            self._withdraw(guardrail, judgement.item_id, outcome)

    def _away(self, guard: Guard, guardrail: Guardrail, judgement: Judgement, reason: str) -> None:
        blocks = guardrail.blocks_when_away
        if guard.missed_one(judgement):
            log.warning("guardrail is away", guardrail=guardrail.name, reason=reason)
            self._emit(
                AgentEvent(
                    {
                        "type": "guardrail_away",
                        "guardrail": guardrail.name,
                        "reason": reason,
                        "default": "block" if blocks else "allow",
                        "itemId": judgement.item_id,
                    }
                )
            )
        withdraw, judgements = guard.unjudged(judgement)
        if withdraw:
            self._withdraw(guardrail, judgement.item_id, _UNJUDGED)
        self._judge_more(guard, judgements)

    def _judge_more(self, guard: Guard, judgements: Sequence[Judgement]) -> None:
        if guard is self._guard:
            self._judge(judgements)

    # -- an answer that failed

    def _withdraw(self, guardrail: Guardrail, item_id: str, verdict: Verdict) -> None:
        now = self._clock()
        line = self._conversation.transcript.get(item_id)
        found = {"category": verdict.category.value, "rationale": verdict.rationale}
        event: dict[str, Any] = {"type": "guardrail", "guardrail": guardrail.name, **found}
        cut, heard = False, ""
        if line is not None:
            line.guardrail = found
            event["agent"] = line.agent
            cut = not line.heard
        if line is not None and cut:
            self._conversation.interrupt(now)
        heard = line.text.strip() if line is not None else ""
        if line is not None and line.audio_end_ms is not None:
            event["audioEndMs"] = line.audio_end_ms
        corrects = (cut or bool(heard)) and self._guard.may_correct()
        log.info("guardrail", guardrail=guardrail.name, category=verdict.category.value, cut=cut)
        self._emit(AgentEvent({**event, "itemId": item_id, "cut": cut, "corrected": corrects}))
        if corrects:
            self._send(protocol.message_item("system", _correction(verdict, heard)))
            if self._conversation.turns.now is not Turn.CALLER_SPEAKING:
                self._conversation.request_response()


async def _verdict(guardrail: Guardrail, text: str, context: GuardContext) -> Verdict | str:
    """What a judge found, or why it found nothing. It is anybody's code: nothing it does ends the
    session, or holds it up.
    """

    async def judge() -> object:
        return await guardrail.judge(text, context)

    task = asyncio.create_task(judge())
    try:
        await asyncio.wait([task], timeout=guardrail.timeout)
    finally:
        if late := task.cancel():
            await asyncio.wait([task], timeout=CANCEL_TIMEOUT)
    failure = task.exception() if task.done() and not task.cancelled() else None
    if late or task.cancelled():
        return "late"
    if failure is not None:
        return type(failure).__name__
    verdict = task.result()
    return verdict if isinstance(verdict, Verdict) else "no verdict"


def _correction(verdict: Verdict, heard: str) -> str:
    fault = {
        Category.OFFENSIVE: "it was offensive",
        Category.OFF_BRAND: "it was not what this company says",
        Category.VIOLENCE: "it was violent",
        Category.NONE: "it could not be checked",
    }[verdict.category]
    known = (
        f"The caller heard only: {heard!r}. Take it back in a few words"
        if heard
        else ("The caller heard nothing of it. Do not mention it")
    )
    return (
        f"Your last answer was stopped, for {fault} ({verdict.rationale}). {known}, "
        "and answer again, within your instructions. Repeat nothing of what was wrong."
    )
