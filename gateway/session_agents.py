"""Who answers in a session: the agent now, and the tools it calls."""

from __future__ import annotations

import asyncio
import functools
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.agents.agent import Agent
from gateway.agents.desk import Outcome, ToolDesk
from gateway.agents.guardrails import MAX_LINES, GuardContext
from gateway.agents.handoff import handoff_tools
from gateway.agents.tool import Line, Tool, ToolContext
from gateway.agents.tool_source import ToolSource, keep_open
from gateway.conversation import Conversation
from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.responses import Phase
from gateway.core.tool_calls import ToolCall, ToolCalls, ToolOutput
from gateway.core.turns import Turn
from gateway.realtime import protocol
from gateway.session_call import SessionCall
from gateway.session_settings import SessionSettings


class SessionAgents:
    """The agents of one session.

    :param emit: takes session events for the doors.
    :param send: takes client events for the model.
    :param configure: tells the model that :meth:`upstream` changed.
    :param leg: what carries the caller now.
    :param hang_up: ends the session for its agent.
    """

    def __init__(
        self,
        session_id: str,
        settings: SessionSettings,
        conversation: Conversation,
        *,
        emit: Callable[[SessionEvent], None],
        send: Callable[[protocol.Event], None],
        configure: Callable[[], None],
        leg: Callable[[], object],
        hang_up: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._session_id = session_id
        self._conversation = conversation
        self._emit = emit
        self._send = send
        self._configure = configure
        self.call = SessionCall(leg, emit)
        self._hang_up = hang_up
        self._clock = asyncio.get_running_loop().time
        self._desk = ToolDesk(self._finished)
        self._calls = ToolCalls()
        self._agent = settings.agents.first
        self._voice = self._agent.voice
        """An agent's own; None: the session's."""
        self._voice_in_force: str | None = None
        self._tools: dict[str, Tool] = {}
        """Of the agent that makes the present response, which a hand-off does not change."""
        self._found: dict[ToolSource, tuple[Tool, ...]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._speaker = self._agent
        self._has_spoken = False
        self._learnt: dict[str, Any] = {}
        """What tools want in the metadata of the answer that is made of their results."""
        self._metadata: dict[str, Any] = {}
        """Of the present response."""
        self._memory: dict[str, Any] = {}
        self._last_filler = ""
        self._spoke = False
        """Whether the agent also said something when it last called a tool."""
        self._take(self._agent)

    async def run(self) -> None:
        """Own the tools that run, and where they come from, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._desk.run(), name="tool desk")
            self._open_sources()

    def _open_sources(self) -> None:
        if self._tasks is None:
            return
        wanted = (source for agent in self.settings.agents.agents for source in agent.sources)
        for source in wanted:
            if source not in self._found:
                self._found[source] = ()
                changed = functools.partial(self._on_source, source)
                self._tasks.create_task(keep_open(source, changed), name=source.name)

    def _on_source(self, source: ToolSource, tools: tuple[Tool, ...]) -> None:
        self._found[source] = tools
        if source in self._agent.sources:
            self._configure()

    # -- what the model is asked for

    @property
    def agent(self) -> Agent:
        """Who answers."""
        return self._agent

    @property
    def turn_detection(self) -> Mapping[str, Any] | None:
        """As it was asked for; None: push-to-talk."""
        return self.settings.turn_detection

    def update(self, **changes: Any) -> None:
        """Change fields of :class:`SessionSettings`. Another set's entry agent takes over."""
        before = self.settings.agents
        self.settings = replace(self.settings, **changes)
        if self.settings.agents is not before:
            self._agent = self.settings.agents.first
            self._choose_voice()
            self._open_sources()

    def upstream(self, *, muted: bool) -> dict[str, Any]:
        """The model's ``session`` object."""
        return self.settings.upstream(
            self._agent, self._voice, self._all_tools(self._agent).values(), muted=muted
        )

    def _all_tools(self, agent: Agent) -> dict[str, Tool]:
        """By name; an agent's own go before what was found elsewhere."""
        found = [tool for source in agent.sources for tool in self._found.get(source, ())]
        own = (*agent.tools, *handoff_tools(self.settings.agents, agent, self._hand_off))
        return {tool.name: tool for tool in (*found, *own)}

    def _take(self, agent: Agent) -> None:
        """The responses from now on are this agent's."""
        self._speaker = agent
        self._tools = self._all_tools(agent)
        self._conversation.agent_name = agent.name

    def _hand_off(self, name: str) -> None:
        before, self._agent = self._agent, self.settings.agents.agent(name)
        # What a client asked for, it asked of the agent that had the call.
        self.settings = replace(self.settings, instructions=None)
        self._choose_voice()
        self._emit(AgentEvent({"type": "handoff", "from": before.name, "to": name}))
        self._configure()

    def _choose_voice(self) -> None:
        # A server refuses another voice, and all that comes with it, once it has spoken.
        if not self._has_spoken:
            self._voice = self._agent.voice

    def _keep_voice(self) -> None:
        """The model refused another voice, and all that was asked for with it: ask again."""
        voice = self._voice_in_force
        if voice is not None and voice != (self._voice or self.settings.voice):
            self.settings, self._voice = replace(self.settings, voice=voice), None
            self._configure()

    # -- what the model does

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""
        match event["type"]:
            case protocol.RESPONSE_CREATED:
                self._on_response_created()
            case protocol.OUTPUT_ITEM_ADDED:
                self._on_output_item(event)
            case protocol.ITEM_ADDED:
                self._calls.seen(protocol.item_id(event))
            case protocol.SESSION_UPDATED:
                self._voice_in_force = protocol.voice_in_force(event) or self._voice_in_force
            case protocol.ERROR if protocol.error_code(event) == protocol.VOICE_FIXED:
                self._keep_voice()
        for response_id, call in protocol.function_calls(event):
            self._on_call(call, response_id)
        if event["type"] == protocol.RESPONSE_DONE:
            self._on_response_done(event)
        self.poll()

    def on_model_changed(self) -> None:
        """Another connection carries the conversation, or none does."""
        self._calls.connection_changed()
        self.poll()

    def poll(self) -> None:
        """Ask for the answer that tools have made possible, once nobody speaks."""
        listening = self._conversation.turns.now is Turn.LISTENING
        self.call.note_quiet(self._is_idle() and listening)
        leaving = self.call.goodbye
        if leaving.wished and self._spoke:
            self._calls.forgive()
        if self._calls.ask(idle=self._is_idle()):
            self._conversation.request_response()
        quiet = self._calls.at_rest and self._is_idle() and listening
        if leaving.due(self._clock(), quiet=quiet, caller_speaks=self._caller_speaks):
            self._hang_up()

    def _is_idle(self) -> bool:
        responses = self._conversation.responses
        return (
            responses.phase is Phase.IDLE
            and not responses.waiting
            and not responses.is_expected(self._clock())
            and not self._caller_speaks
        )

    @property
    def _caller_speaks(self) -> bool:
        # Nobody hears the end of a turn that began before the microphone was muted.
        heard = not self._conversation.replay.manual
        return heard and self._conversation.turns.now is Turn.CALLER_SPEAKING

    def _on_response_created(self) -> None:
        with_results = self._calls.response_started()
        self._metadata = {"direct": not with_results}
        if with_results:
            self._metadata |= self._learnt
            self._learnt = {}
        self._take(self._agent)

    def _on_output_item(self, event: protocol.Event) -> None:
        line = self._conversation.transcript.get(protocol.item_id(event))
        if line is not None:
            self._has_spoken = True
            line.metadata = dict(self._metadata)

    def _on_response_done(self, event: protocol.Event) -> None:
        waits = self._calls.response_over(protocol.response_id(event))
        silent = protocol.said_nothing(event)
        calls = [call.name for _, call in protocol.function_calls(event)]
        if calls:
            self._spoke = not silent
        if waits and silent:
            self._say_filler(calls)

    def _say_filler(self, tool_names: list[str]) -> None:
        phrases = [
            phrase
            for name in tool_names
            if name in self._tools
            for phrase in self._tools[name].filler
            if phrase != self._last_filler
        ]
        if phrases and self._is_idle():
            self._last_filler = random.choice(phrases)
            self._emit(AgentEvent({"type": "filler", "agent": self._speaker.name}))
            self._conversation.request_response(protocol.say_exactly(self._last_filler))

    # -- tools

    def _on_call(self, call: ToolCall, response_id: str) -> None:
        if call.name not in self._tools and call.name in self.settings.client_tool_names:
            self._conversation.transcript.record(call)
            return
        if not self._calls.called(call.call_id, response_id):
            return
        self._conversation.transcript.record(call)
        context = self._context(call)
        self._emit_tool("tool_start", call, context)
        self._desk.start(call, self._tools.get(call.name), context)

    def _context(self, call: ToolCall) -> ToolContext:
        agent = self._speaker.name

        def note(event: Mapping[str, Any]) -> None:
            self._emit(AgentEvent({**event, "agent": agent, "tool": call.name}))

        return ToolContext(
            self._session_id,
            agent,
            self._lines(),
            self.call,
            self.settings.text_model,
            self._memory,
            note,
            self._learnt.update,
        )

    def guard_context(self) -> GuardContext:
        """What a guardrail may know now."""
        return GuardContext(
            self._session_id,
            self._speaker.name,
            self.settings.agents.company_name,
            self._lines(MAX_LINES),
            self.settings.text_model,
        )

    def _lines(self, last: int = 0) -> tuple[Line, ...]:
        """The last lines of what was said; 0: all."""
        lines = self._conversation.transcript.lines[-last:]
        return tuple(Line(line.role, line.text.strip(), line.agent) for line in lines if line.text)

    def _finished(self, call: ToolCall, context: ToolContext, outcome: Outcome) -> None:
        end: dict[str, Any] = {"ms": round(outcome.seconds * 1000), "ok": outcome.error is None}
        if outcome.error is not None:
            end["error"] = outcome.error
        self._emit_tool("tool_end", call, context, **end)
        item_id = f"item_{secrets.token_hex(12)}"
        for output in self._calls.finished(ToolOutput(call.call_id, outcome.text, item_id)):
            self._conversation.transcript.record(output)
            self._send(protocol.function_output_item(output))
        self.poll()

    def _emit_tool(self, kind: str, call: ToolCall, context: ToolContext, **more: Any) -> None:
        event = {"type": kind, "agent": context.agent, "tool": call.name}
        self._emit(AgentEvent({**event, "callId": call.call_id, **more}))
