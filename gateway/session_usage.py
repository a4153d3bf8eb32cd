"""What a session uses, what that costs, and how long its steps take; and its limit of cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.agents import supervisor
from gateway.conversation import Conversation
from gateway.core.budget import Action, Budget
from gateway.core.ending import Ending
from gateway.core.events import AgentEvent, ErrorCode, SessionEvent, UsageChanged
from gateway.core.prices import PRICES
from gateway.core.responses import Phase
from gateway.core.steps import FILLER, SUPERVISOR, tool_step
from gateway.core.turns import Turn
from gateway.core.usage import Price, Tokens, Usage, price_of
from gateway.realtime import protocol
from gateway.realtime.usage import response_usage, transcription_usage

log = structlog.get_logger(__name__)

_WARNING = (
    "Tell the caller in one short sentence, in the language of this conversation, that this call "
    "can go on for only a little longer, and ask what matters most. Say nothing else."
)
_GOODBYE = (
    "The call ends now. Say goodbye to the caller in one short sentence, in the language of this "
    "conversation: the time for this call is used up, and they may call again. Ask nothing."
)


@dataclass(frozen=True, slots=True)
class CostRules:
    """``prices`` by the model's name; ``limit``: US dollars a session may cost, None: no limit."""

    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    limit: float | None = None


class Payer(Protocol):
    """The session, as its costs see it."""

    def mute(self, muted: bool) -> None:
        """Listen to the caller no more, or again."""

    def fail(self, code: ErrorCode, reason: str) -> None:
        """The session ends."""


class SessionUsage:
    """One session's costs and times.

    :param model: the name of the model that speaks.
    :param transcription_model: of the one that recognises.
    :param emit: takes session events for the doors.
    :param clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        rules: CostRules,
        conversation: Conversation,
        payer: Payer,
        *,
        model: str,
        transcription_model: str,
        emit: Callable[[SessionEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self._usage = Usage(rules.prices)
        self._budget = Budget(rules.limit)
        if rules.limit is not None and price_of(model, rules.prices) is None:
            log.warning("no price of the model is known: no limit of cost is kept", model=model)
        self._conversation = conversation
        self._payer = payer
        self._model = model
        self._transcription_model = transcription_model
        self._emit = emit
        self._clock = clock
        self._untold = False
        self._filler_since: float | None = None
        self.report = self._usage.report()
        """What was used until now."""

    def add(self, model: str, tokens: Tokens) -> None:
        """A model did this much more for the session."""
        self._usage.add(model, tokens)
        self.report = self._usage.report()
        self._untold = True

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""
        if self._filler_since is not None and event["type"] == protocol.AUDIO_TRANSCRIPT_DELTA:
            self._conversation.steps.add(FILLER, self._clock() - self._filler_since)
            self._filler_since = None
        if (tokens := response_usage(event)) is not None:
            self.add(self._model, tokens)
        elif (tokens := transcription_usage(event)) is not None:
            self.add(self._transcription_model, tokens)
        else:
            return
        self.look()

    def on_agent_event(self, event: Mapping[str, Any]) -> None:
        """Agents did something: how long it took is kept."""
        match event:
            case {"type": "filler"}:
                self._filler_since = self._clock()
            case {"type": "tool_end", "tool": str(tool), "ms": int(ms)}:
                step = SUPERVISOR if tool == supervisor.NAME else tool_step(tool)
                self._conversation.steps.add(step, ms / 1000)

    def tick(self) -> None:
        """Once a second: tell what changed, and see to the limit."""
        self._tell()
        self.look()

    def close(self) -> None:
        """The session ends: tell the rest."""
        self._tell()
        log.info("session used", cost_usd=self.report.cost_usd)

    def _tell(self) -> None:
        if self._untold:
            self._untold = False
            self._emit(UsageChanged(self.report, self._conversation.steps.report()))

    # -- the limit

    def look(self) -> None:
        """See to the limit of cost."""
        conversation, responses = self._conversation, self._conversation.responses
        turn = conversation.turns.now
        idle = responses.phase is Phase.IDLE and not responses.waiting
        action = self._budget.look(
            self.report.cost_usd,
            self._clock(),
            caller_speaks=turn is Turn.CALLER_SPEAKING,
            agent_speaks=turn is Turn.AGENT_SPEAKING,
            agent_is_done=idle and turn is Turn.LISTENING,
        )
        match action:
            case Action.WARN:
                self._announce("cost_warning")
                conversation.request_response({"instructions": _WARNING})
            case Action.SAY_GOODBYE:
                self._announce("cost_limit")
                # Nobody is heard any more, so that nothing interrupts the goodbye, or adds to it.
                self._payer.mute(True)
                conversation.request_response({"instructions": _GOODBYE})
            case Action.END:
                self._payer.fail(ErrorCode.SESSION_EXPIRED, Ending.TOO_DEAR)

    def _announce(self, kind: str) -> None:
        cost, limit = self.report.cost_usd, self._budget.limit
        log.info("session's cost", kind=kind, cost_usd=cost, limit_usd=limit)
        self._emit(AgentEvent({"type": kind, "costUsd": cost, "limitUsd": limit}))
