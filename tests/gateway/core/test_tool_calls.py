from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from gateway.core.tool_calls import ToolCalls, ToolOutput


def output(call_id: str) -> ToolOutput:
    return ToolOutput(call_id, f"result of {call_id}", f"item_{call_id}")


def call_ids(outputs: list[ToolOutput]) -> list[str]:
    return [output.call_id for output in outputs]


def test_an_answer_is_asked_for_once_after_the_last_result_of_a_response() -> None:
    calls = ToolCalls()
    assert calls.called("a", "r1")
    assert calls.called("b", "r1")
    assert not calls.called("a", "r1")
    assert not calls.at_rest
    assert call_ids(calls.finished(output("a"))) == ["a"]
    assert calls.response_over("r1")
    assert not calls.ask(idle=True)
    assert call_ids(calls.finished(output("b"))) == ["b"]
    assert not calls.ask(idle=False)
    assert calls.ask(idle=True)
    assert not calls.ask(idle=True)
    assert not calls.at_rest
    assert calls.response_started()
    assert calls.at_rest
    assert not calls.response_started()
    assert not calls.ask(idle=True)


def test_a_result_waits_for_that_of_an_earlier_call() -> None:
    calls = ToolCalls()
    for call_id in ("a", "b", "c"):
        calls.called(call_id, "r1")
    assert calls.finished(output("c")) == []
    assert calls.finished(output("b")) == []
    assert call_ids(calls.finished(output("a"))) == ["a", "b", "c"]
    assert not calls.ask(idle=True)
    assert not calls.response_over("r1")
    assert calls.ask(idle=True)


def test_responses_do_not_wait_for_each_others_tools() -> None:
    calls = ToolCalls()
    calls.called("slow", "r1")
    calls.response_over("r1")
    calls.called("fast", "r2")
    calls.response_over("r2")
    assert call_ids(calls.finished(output("fast"))) == ["fast"]
    assert calls.ask(idle=True)


def test_an_answer_to_the_callers_turn_pays_the_debt_if_the_results_were_known() -> None:
    calls = ToolCalls()
    calls.called("a", "r1")
    calls.response_over("r1")
    calls.finished(output("a"))
    assert not calls.ask(idle=False)
    calls.seen("item_a")
    assert calls.response_started()
    assert not calls.ask(idle=True)


def test_an_answer_that_crossed_with_the_results_leaves_the_debt() -> None:
    calls = ToolCalls()
    calls.called("a", "r1")
    calls.response_over("r1")
    calls.finished(output("a"))
    assert not calls.response_started()
    calls.seen("item_a")
    assert not calls.ask(idle=False)
    assert calls.ask(idle=True)


def test_a_fresh_connection_knows_all_results() -> None:
    calls = ToolCalls()
    calls.called("a", "r1")
    calls.finished(output("a"))
    calls.called("b", "r1")
    calls.connection_changed()
    calls.finished(output("b"))
    calls.connection_changed()
    assert calls.response_started()


def test_an_answer_that_nobody_wants_is_not_asked_for() -> None:
    calls = ToolCalls()
    calls.called("a", "r1")
    calls.finished(output("a"))
    calls.response_over("r1")
    calls.forgive()
    assert calls.at_rest
    assert not calls.ask(idle=True)


def test_what_was_not_called_answers_nothing() -> None:
    calls = ToolCalls()
    assert calls.finished(output("a")) == []
    assert not calls.response_over("r1")
    assert not calls.ask(idle=True)


class Conversation(RuleBasedStateMachine):
    """Calls, results and responses in any order, on a wire with delay in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = ToolCalls()
        self.up: list[tuple[str, str]] = []
        self.down: list[tuple[str, str]] = []
        self.server_known: list[str] = []
        self.server_running: str | None = None
        self.seen_running: str | None = None
        self.requested = self.refused = False
        self.numbers = 0
        self.order: dict[str, list[str]] = {}
        self.sent: list[str] = []
        self.results: set[str] = set()
        self.answered: set[str] = set()

    def number(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}{self.numbers}"

    # -- the server

    def begin(self) -> None:
        self.server_running = self.number("r")
        self.answered |= set(self.server_known)
        self.down.append(("created", self.server_running))

    @precondition(lambda self: self.server_running is None)
    @rule()
    def the_server_answers_a_turn(self) -> None:
        self.begin()

    @precondition(lambda self: self.server_running is not None)
    @rule()
    def the_model_calls_a_tool(self) -> None:
        call_id = self.number("c")
        assert self.server_running is not None
        self.order.setdefault(self.server_running, []).append(call_id)
        self.down.append(("call", f"{call_id} {self.server_running}"))

    @precondition(lambda self: self.server_running is not None)
    @rule()
    def the_response_ends(self) -> None:
        assert self.server_running is not None
        self.down.append(("done", self.server_running))
        self.server_running = None

    @precondition(lambda self: self.up)
    @rule()
    def the_server_reads(self) -> None:
        kind, what = self.up.pop(0)
        if kind == "output":
            self.server_known.append(what)
            self.down.append(("added", what))
        elif self.server_running is None:
            self.begin()
        else:
            self.down.append(("busy", ""))

    # -- the gateway

    @property
    def idle(self) -> bool:
        return self.seen_running is None and not self.requested

    @precondition(lambda self: self.down)
    @rule()
    def the_gateway_reads(self) -> None:
        kind, what = self.down.pop(0)
        match kind:
            case "created":
                self.seen_running = what
                self.requested = False
                self.calls.response_started()
            case "call":
                assert self.calls.called(*what.split())
            case "done":
                self.seen_running = None
                self.calls.response_over(what)
            case "added":
                self.calls.seen(f"item_{what}")
            case "busy":
                # The sequencer asks again once that response is over.
                self.refused = True
        self.ask()

    def ask(self) -> None:
        if (self.refused and self.idle) or self.calls.ask(idle=self.idle):
            self.requested, self.refused = True, False
            self.up.append(("create", ""))

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def a_tool_ends(self, data: st.DataObject) -> None:
        self.end_tool(data.draw(st.sampled_from(self.waiting())))

    def end_tool(self, call_id: str) -> None:
        self.results.add(call_id)
        for found in self.calls.finished(output(call_id)):
            self.sent.append(found.call_id)
            self.up.append(("output", found.call_id))
        self.ask()

    def waiting(self) -> list[str]:
        under_way = {what.split()[0] for kind, what in self.down if kind == "call"}
        known = {c for batch in self.order.values() for c in batch} - under_way
        return sorted(known - self.results)

    # -- what holds

    @invariant()
    def results_are_sent_once_and_in_the_order_of_the_calls(self) -> None:
        assert len(self.sent) == len(set(self.sent))
        for batch in self.order.values():
            sent = [call_id for call_id in self.sent if call_id in batch]
            assert sent == batch[: len(sent)]

    def teardown(self) -> None:
        """Once all is quiet, every result is known to the model, and was in view of an answer."""
        for _ in range(2000):
            if self.down:
                self.the_gateway_reads()
            elif self.up:
                self.the_server_reads()
            elif self.server_running is not None:
                self.the_response_ends()
            elif pending := self.waiting():
                self.end_tool(pending[0])
            else:
                break
        else:
            raise AssertionError("it never comes to rest")
        assert set(self.sent) == {c for batch in self.order.values() for c in batch}
        assert self.answered == set(self.sent)


TestConversation = Conversation.TestCase
