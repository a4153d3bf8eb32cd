import asyncio
import time
from typing import Any

import pytest

from client.python.bench import barge_in
from client.python.bench.agent import Voice
from client.python.bench.barge_in import Trial, judge, try_barge_ins
from client.python.bench.call import Truncation
from client.python.bench.figures import Summary
from client.python.bench.reception import Heard


class Call:
    """A call whose gateway stops `stops_after` the event (None: it does not), and tells the model
    `told` ms."""

    def __init__(self, stops_after: float | None, told: float | None) -> None:
        self.agent = self.reception = self
        self.item_id = "item_1"
        self.answer: Heard | None = None
        self.truncation: Truncation | None = None
        self.said: list[str] = []
        self._stops_after = stops_after
        self._told = told

    def forget_answer(self) -> None:
        self.answer = self.truncation = None

    def speak(self) -> None:
        self.said.append("speak")
        now = time.monotonic()
        self.answer = Heard(0, now, now, samples=8_000)

    def speech_started(self) -> float:
        self.said.append("started")
        assert self.answer is not None
        now = time.monotonic()
        if self._told is not None:
            self.truncation = Truncation("item_1", self._told)
        if self._stops_after is None:
            loop = asyncio.get_running_loop()
            loop.call_later(barge_in._LISTEN_SECONDS * 0.95, self._sound)
        else:
            self.answer.last_audible_at = now + self._stops_after
        return now

    def _sound(self) -> None:
        assert self.answer is not None
        self.answer.last_audible_at = time.monotonic()

    def speech_stopped(self) -> None:
        self.said.append("stopped")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_EARLIEST_CUT", "_PAUSE_SECONDS"):
        monkeypatch.setattr(barge_in, name, 0.01)
    monkeypatch.setattr(barge_in, "_LISTEN_SECONDS", 0.1)
    monkeypatch.setattr(barge_in, "_SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(barge_in, "OPENING_SECONDS", 0.0)


async def tried(call: Any, count: int = 1) -> list[Trial]:
    return await try_barge_ins(call, Voice(answer=0.72), count, seed=1)


async def test_a_cut_is_timed_and_what_the_model_is_told_is_compared() -> None:
    call = Call(stops_after=0.004, told=1_010)
    trials = await tried(call, 2)
    assert len(trials) == 2
    for trial in trials:
        assert trial.stop == pytest.approx(0.004)
        assert trial.truncation_error == pytest.approx(0.010)
    assert call.said == ["speak", "started", "stopped"] * 2


async def test_silence_before_the_event_is_no_time_at_all() -> None:
    (trial,) = await tried(Call(stops_after=-0.005, told=None))
    assert trial == Trial(0.0, None)


async def test_an_answer_that_goes_on_never_stops() -> None:
    (trial,) = await tried(Call(stops_after=None, told=None))
    assert trial.stop is None


async def test_an_answer_that_was_not_heard_is_no_trial() -> None:
    call = Call(stops_after=0.0, told=None)
    call.speak = lambda: None  # type: ignore[method-assign]
    call.speech_started = time.monotonic  # type: ignore[method-assign]
    assert await tried(call) == []


async def test_another_items_truncation_does_not_count() -> None:
    call = Call(stops_after=0.0, told=1_000)
    call.item_id = "item_2"
    (trial,) = await tried(call)
    assert trial.truncation_error is None


def test_trials_are_judged_together() -> None:
    trials = [Trial(0.001, -0.012), Trial(0.009, 0.001), Trial(None, None)]
    told = judge(trials)
    assert told.stop_ms == Summary(2, 1.0, 9.0, 9.0)
    assert (told.never, told.untold) == (1, 1)
    assert told.truncation_error_ms == Summary(2, 1.0, 12.0, 12.0)
    assert told.truncation_histogram == {"-10": 1, "0": 1}
