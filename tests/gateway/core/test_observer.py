from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.observer import Observers


class Note:
    def __init__(self) -> None:
        self.seen: list[tuple[SessionEvent, float]] = []

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        self.seen.append((event, now))


def test_all_are_told_with_the_same_time() -> None:
    ticks = iter([1.0, 2.0])
    observers = Observers(lambda: next(ticks))
    early, late = Note(), Note()
    first, second = AgentEvent({"type": "filler"}), AgentEvent({"type": "handoff"})
    observers.add(early)
    observers.on_session_event(first)
    observers.add(late)
    observers.on_session_event(second)
    assert early.seen == [(first, 1.0), (second, 2.0)]
    assert late.seen == [(second, 2.0)]
