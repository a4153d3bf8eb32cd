"""Deadlines in order, moved and cancelled."""

from signaling.sip.timers import Timers


def test_deadlines_run_in_order_moved_ones_once() -> None:
    timers, ran = Timers(), []
    timers.set("late", 3.0, lambda at: ran.append(("late", at)))
    timers.set("moved", 1.0, lambda at: ran.append(("moved too early", at)))
    timers.set("moved", 2.0, lambda at: ran.append(("moved", at)))
    timers.set("never", 1.5, lambda at: ran.append(("never", at)))
    timers.cancel("never")
    assert timers.next_at == 2.0
    timers.run_due(1.9)
    assert ran == []
    timers.run_due(5.0)
    assert ran == [("moved", 5.0), ("late", 5.0)]
    assert timers.next_at is None
    assert len(timers) == 0


def test_what_a_deadline_sets_for_now_runs_too() -> None:
    timers, ran = Timers(), []
    timers.set("a", 1.0, lambda at: timers.set("b", at, ran.append))
    timers.run_due(1.0)
    assert ran == [1.0]


def test_a_deadline_that_is_moved_for_ever_does_not_grow() -> None:
    timers = Timers()
    for step in range(10_000):
        timers.set("key", float(step), lambda at: None)
    assert len(timers._heap) < 100
