"""Guardrails of a session, with judges that are slow, late or broken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from gateway.agents.guardrails import PASSED, Category, GuardContext, Guardrail, Verdict
from gateway.core.events import AgentEvent, Message
from gateway.core.guard import MAX_CORRECTIONS
from gateway.session_guard import SessionGuard
from tests.gateway.virtual_call import Call

BAD = Verdict(Category.OFFENSIVE, "it insults")


@dataclass
class Judge:
    """Finds fault with "dash", and does what the test says."""

    name: str = "test"
    stride: int = 1
    timeout: float = 5.0
    blocks_when_away: bool = False
    does: Callable[[str], Verdict] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def judge(self, text: str, context: GuardContext) -> Verdict:
        self.asked.append(text)
        await self.gate.wait()
        if self.does is not None:
            return self.does(text)
        return BAD if "dash" in text else PASSED


def open_judge(**settings: object) -> Judge:
    judge = Judge(**settings)  # type: ignore[arg-type]
    judge.gate.set()
    return judge


class Guarded(Call):
    """A call whose session has guardrails."""

    def __init__(self, guardrails: Sequence[Guardrail]) -> None:
        super().__init__()
        self.guard = SessionGuard(
            self.conversation,
            guardrails=lambda: guardrails,
            context=lambda: GuardContext("sess_1", "front", "NewTelco"),
            emit=self.told.append,
            send=self.sent.append,
        )

    def server(self, kind: str, **fields: object) -> None:
        super().server(kind, **fields)
        self.guard.on_model_event({"type": kind, **fields})

    def events(self, kind: str) -> list[dict[str, object]]:
        found = [e.event for e in self.told if isinstance(e, AgentEvent)]
        return [dict(event) for event in found if event["type"] == kind]

    def corrections(self) -> list[str]:
        return [
            event["item"]["content"][0]["text"]
            for event in self.sent
            if event.get("item", {}).get("role") == "system"
        ]

    def sent_kinds(self) -> list[str]:
        return [event["type"] for event in self.sent]


@contextlib.asynccontextmanager
async def guarded(*guardrails: Guardrail) -> AsyncIterator[Guarded]:
    call = Guarded(guardrails)
    task = asyncio.create_task(call.guard.run())
    await asyncio.sleep(0)
    try:
        yield call
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110 (no event announces it)
            await asyncio.sleep(0)


async def test_an_answer_that_fails_is_cut_at_what_was_heard_and_corrected() -> None:
    judge = Judge()
    async with guarded(judge) as call:
        call.answer("a", "well now dash it all to pieces ", 3.0, response="r", done=False)
        await until(lambda: judge.asked)
        call.listen(1.0)
        assert call.events("guardrail") == []
        judge.gate.set()
        await until(lambda: call.events("guardrail"))
        assert call.playout.is_empty
        assert call.sent_kinds() == [
            "response.cancel",
            "conversation.item.truncate",
            "conversation.item.create",
        ]
        assert call.sent[1]["audio_end_ms"] == 1000
        (message,) = [event for event in call.told if isinstance(event, Message)]
        assert message.content == "well now"
        assert message.data["guardrail"] == {"category": "offensive", "rationale": "it insults"}
        assert call.events("guardrail") == [
            {
                "type": "guardrail",
                "guardrail": "test",
                "category": "offensive",
                "rationale": "it insults",
                "agent": "front",
                "audioEndMs": 1000,
                "itemId": "a",
                "cut": True,
                "corrected": True,
            }
        ]
        assert "well now" in call.corrections()[0]
        call.server("response.done", response={"id": "r", "status": "cancelled"})
        assert call.sent_kinds()[3:] == ["response.create"]


async def test_words_of_which_nothing_was_heard_are_taken_from_the_model() -> None:
    judge = open_judge()
    async with guarded(judge) as call:
        call.answer("a", "dash it ", 0.0, response="r", done=False)
        await until(lambda: call.events("guardrail"))
        assert call.sent_kinds()[:2] == ["response.cancel", "conversation.item.delete"]
        assert "heard nothing" in call.corrections()[0]
        assert not [event for event in call.told if isinstance(event, Message)]


async def test_an_answer_heard_to_its_end_is_corrected_all_the_same() -> None:
    judge = Judge()
    async with guarded(judge) as call:
        call.answer("a", "dash it ", 0.2, response="r")
        await until(lambda: judge.asked)
        call.listen(1.0)
        judge.gate.set()
        await until(lambda: call.events("guardrail"))
        (event,) = call.events("guardrail")
        assert (event["cut"], event["corrected"]) == (False, True)
        assert call.sent_kinds() == ["conversation.item.create", "response.create"]


async def test_no_answer_is_asked_for_while_the_caller_speaks() -> None:
    judge = Judge()
    async with guarded(judge) as call:
        call.answer("a", "dash it all to pieces ", 2.0, response="r", done=False)
        await until(lambda: judge.asked)
        call.listen(1.0)
        call.server("input_audio_buffer.speech_started", item_id="u")
        call.server("response.done", response={"id": "r", "status": "cancelled"})
        judge.gate.set()
        await until(lambda: call.events("guardrail"))
        assert call.corrections()
        assert "response.create" not in call.sent_kinds()


async def test_corrections_that_fail_end() -> None:
    judge = open_judge()
    async with guarded(judge) as call:
        for number in range(MAX_CORRECTIONS + 1):
            response = f"r{number}"
            call.answer(f"a{number}", "dash it ", 1.0, response=response, done=False)
            await until(lambda n=number: len(call.events("guardrail")) == n + 1)  # type: ignore[misc]
            call.server("response.done", response={"id": response, "status": "cancelled"})
        assert call.sent_kinds().count("response.create") == MAX_CORRECTIONS
        assert [e["corrected"] for e in call.events("guardrail")] == [True, True, False]
        call.question("u", "Hello?")
        call.answer("last", "dash it ", 1.0, response="r_last", done=False)
        await until(lambda: len(call.events("guardrail")) == MAX_CORRECTIONS + 2)
        assert call.events("guardrail")[-1]["corrected"]


def broken(text: str) -> Verdict:
    raise ZeroDivisionError


def mute(text: str) -> Verdict:
    return None  # type: ignore[return-value]


async def test_a_judge_that_is_away_lets_pass_and_is_told_of_once() -> None:
    for judge, reason in (
        (Judge(timeout=0.02), "late"),
        (open_judge(does=broken), "ZeroDivisionError"),
        (open_judge(does=mute), "no verdict"),
    ):
        with capture_logs() as logs:
            await let_pass(judge, reason)
        missed = [entry for entry in logs if entry["event"] == "guardrail missed"]
        assert [entry["judgements"] >= 2 for entry in missed] == [True]


async def let_pass(judge: Judge, reason: str) -> None:
    async with guarded(judge) as call:
        call.answer("a", "dash it ", 1.0, response="r", done=False)
        for asked, word in ((1, "all "), (2, "to "), (3, "pieces ")):
            await until(lambda n=asked: len(judge.asked) == n)  # type: ignore[misc]
            call.server(
                "response.output_audio_transcript.delta", delta=word, response_id="r", item_id="a"
            )
        assert call.events("guardrail_away") == [
            {
                "type": "guardrail_away",
                "guardrail": "test",
                "reason": reason,
                "default": "allow",
                "itemId": "a",
            }
        ]
        assert call.events("guardrail") == []
        assert not call.playout.is_empty


async def test_a_strict_guardrail_cuts_what_it_could_not_judge() -> None:
    judge = open_judge(does=broken, blocks_when_away=True)
    async with guarded(judge) as call:
        call.answer("a", "hello there ", 1.0, response="r", done=False)
        await until(lambda: call.events("guardrail"))
        (event,) = call.events("guardrail")
        assert (event["category"], event["cut"]) == ("none", True)
        assert call.events("guardrail_away")[0]["default"] == "block"


async def test_the_rest_of_a_cut_answer_is_not_judged() -> None:
    judge = open_judge()
    async with guarded(judge) as call:
        call.answer("a", "all is well da", 1.0, response="r", done=False)
        await until(lambda: judge.asked)
        call.listen(0.5)
        call.server("input_audio_buffer.speech_started", item_id="u")
        ids = {"response_id": "r", "item_id": "a"}
        call.server("response.output_audio_transcript.delta", delta="dash it ", **ids)
        call.server("response.output_audio_transcript.done", transcript="all is dash ", **ids)
        output = [{"id": "a", "type": "message"}]
        call.server("response.done", response={"id": "r", "status": "cancelled", "output": output})
        for _ in range(10):
            await asyncio.sleep(0)
        assert judge.asked == ["all is well "]


async def test_an_answer_that_broke_off_is_judged_to_its_last_word() -> None:
    judge = open_judge()
    async with guarded(judge) as call:
        call.answer("a", "well dash", 1.0, response="r", done=False)
        await until(lambda: judge.asked == ["well "])
        output = [{"id": "a", "type": "message"}]
        call.server("response.done", response={"id": "r", "status": "failed", "output": output})
        await until(lambda: call.events("guardrail"))
        assert judge.asked[-1] == "well dash"


async def test_judges_end_with_the_session() -> None:
    judge = Judge()
    async with guarded(judge) as call:
        call.answer("a", "hello ", 1.0, response="r")
        await until(lambda: judge.asked)
