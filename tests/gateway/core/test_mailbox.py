from __future__ import annotations

from gateway.core.events import CallStats, Message, SessionEvent, Status, StatusChanged
from gateway.core.mailbox import DOUBT, MAX_MISSED, Mailbox

STATS = CallStats(None, None, None, None, 0.0, 0, None, 0, 0, 0, 0, 0, 0, False)


class Ear:
    def __init__(self) -> None:
        self.heard: list[SessionEvent] = []
        self.displaced = 0

    def on_session_event(self, event: SessionEvent) -> None:
        self.heard.append(event)

    def on_displaced(self) -> None:
        self.displaced += 1


def line(number: int) -> Message:
    return Message(f"item_{number}", "audio", "user", f"line {number}", number)


def change(number: int) -> StatusChanged:
    return StatusChanged(Status.CONNECTING, str(number))


def test_a_listener_is_told_at_once() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.tell(line(1), 0)
    assert ear.heard == [line(1)]
    assert box.backlog == 0


def test_nothing_is_kept_for_a_session_without_a_listener() -> None:
    box, ear = Mailbox(), Ear()
    box.tell(line(1), 0)
    assert box.backlog == 0
    box.attach(ear, 0)
    assert ear.heard == []


def test_what_was_missed_is_told_in_order() -> None:
    box, ear, later = Mailbox(), Ear(), Ear()
    box.attach(ear, 0)
    box.detach(1, certain=True)
    events: list[SessionEvent] = [change(1), line(2), change(3), line(4)]
    for event in events:
        box.tell(event, 2)
    assert box.backlog == 4
    box.attach(later, 3)
    assert later.heard == events
    assert ear.heard == []
    assert ear.displaced == 0


def test_statistics_are_not_missed() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.tell(STATS, 0)
    box.detach(1, certain=True)
    box.tell(STATS, 1)
    box.attach(ear, 2)
    assert ear.heard == [STATS]


def test_lines_told_to_a_connection_that_may_have_been_dead_are_told_again() -> None:
    box, ear, later = Mailbox(), Ear(), Ear()
    box.attach(ear, 0)
    box.tell(line(1), 1)
    box.tell(change(2), 30)
    box.tell(line(3), 30)
    box.detach(1 + DOUBT, certain=False)
    box.tell(line(4), 40)
    box.attach(later, 41)
    assert later.heard == [line(3), line(4)]


def test_one_who_took_leave_has_heard_everything() -> None:
    box, ear, later = Mailbox(), Ear(), Ear()
    box.attach(ear, 0)
    box.tell(line(1), 1)
    box.detach(1, certain=True)
    box.attach(later, 2)
    assert later.heard == []


def test_a_connection_is_displaced_by_the_next_and_what_it_heard_is_told_again() -> None:
    box, ear, later = Mailbox(), Ear(), Ear()
    box.attach(ear, 0)
    box.tell(line(1), 1)
    box.attach(later, 2)
    assert ear.displaced == 1
    assert later.heard == [line(1)]
    box.tell(line(2), 3)
    assert ear.heard == [line(1)]
    assert later.heard == [line(1), line(2)]


def test_the_same_listener_may_attach_twice() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.tell(line(1), 0)
    box.attach(ear, 1)
    assert ear.displaced == 0
    assert ear.heard == [line(1)]


def test_what_was_told_again_may_be_doubted_again() -> None:
    box, first, second, third = Mailbox(), Ear(), Ear(), Ear()
    box.attach(first, 0)
    box.tell(line(1), 0)
    box.detach(1, certain=False)
    box.attach(second, 20)
    box.detach(40, certain=False)
    box.attach(third, 41)
    assert third.heard == [line(1)]


def test_a_long_absence_costs_the_oldest_events_and_no_line() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.detach(0, certain=True)
    box.tell(line(0), 0)
    for number in range(1, MAX_MISSED + 10):
        box.tell(change(number), 0)
    assert box.backlog == MAX_MISSED
    box.attach(ear, 0)
    assert ear.heard[0] == line(0)
    assert ear.heard[1] == change(11)
    assert ear.heard[-1] == change(MAX_MISSED + 9)


def test_lines_beyond_the_bound_go_oldest_first() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.detach(0, certain=True)
    for number in range(MAX_MISSED + 1):
        box.tell(line(number), 0)
    box.attach(ear, 0)
    assert ear.heard[0] == line(1)
    assert len(ear.heard) == MAX_MISSED


def test_a_warning_of_the_past_is_not_told() -> None:
    box, ear = Mailbox(), Ear()
    box.attach(ear, 0)
    box.detach(1, certain=True)
    box.tell(StatusChanged(Status.CONNECTED, "soon", 30.0), 2)
    box.tell(line(1), 3)
    box.attach(ear, 4)
    assert ear.heard == [line(1)]
