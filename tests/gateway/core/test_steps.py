"""Times of steps, and their bound."""

from __future__ import annotations

from gateway.core.steps import MAX_STEPS, StepTime, StepTimes, tool_step


def test_a_step_is_summed_up() -> None:
    steps = StepTimes()
    for seconds in (0.25, 0.75, 0.5):
        steps.add("turn", seconds)
    steps.add(tool_step("findNearestStore"), 1.5)
    assert steps.report() == {
        "turn": StepTime(count=3, last_ms=500, mean_ms=500, max_ms=750),
        "tool:findNearestStore": StepTime(1, 1500, 1500, 1500),
    }
    assert steps.last_ms("turn") == 500
    assert steps.last_ms("filler") is None


def test_names_have_a_bound_and_known_ones_go_on() -> None:
    steps = StepTimes()
    for number in range(2 * MAX_STEPS):
        steps.add(f"tool:{number}", 1.0)
    steps.add("tool:0", 1.0)
    assert len(steps.report()) == MAX_STEPS
    assert steps.report()["tool:0"].count == 2
