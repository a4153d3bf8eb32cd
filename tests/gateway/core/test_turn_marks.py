from hypothesis import given
from hypothesis import strategies as st

from gateway.core.turn_marks import TurnMarks, TurnTimes


def test_the_marks_of_a_turn_in_order() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    marks.model_began(1.25)
    assert marks.sounded(1.5) == 0.5
    assert marks.sent(1.52) == TurnTimes(1.0, 1.25, 1.5, 1.52)


def test_what_follows_the_first_is_no_news() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    for now in (1.2, 1.3):  # a tool's response, and the one that speaks
        marks.model_began(now)
    assert marks.sounded(1.4) is not None
    assert marks.sounded(1.5) is None
    times = marks.sent(1.6)
    assert times == TurnTimes(1.0, 1.2, 1.4, 1.6)
    assert marks.sounded(1.7) is None
    assert marks.sent(1.8) is None


def test_what_the_gateway_does_not_play_has_no_packet() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    marks.model_began(1.1)
    assert marks.over() is None, "nothing sounded yet: a tool's response"
    marks.sounded(1.2)
    assert marks.over() == TurnTimes(1.0, 1.1, 1.2, None)
    assert marks.over() is None


def test_a_greeting_answers_nobody() -> None:
    marks = TurnMarks()
    marks.model_began(1.0)
    assert marks.sounded(1.1) is None
    assert marks.sent(1.2) is None


def test_a_cut_turn_is_not_answered() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    marks.sounded(1.5)
    marks.cut()
    assert marks.sent(1.6) is None
    assert marks.sounded(1.7) is None


def test_a_server_that_does_not_say_when_it_begins() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    marks.sounded(1.5)
    assert marks.sent(1.6) == TurnTimes(1.0, 1.5, 1.5, 1.6)


def test_a_response_that_is_told_behind_the_first_sound_did_not_begin_it() -> None:
    marks = TurnMarks()
    marks.turn_ended(1.0)
    marks.sounded(1.5)
    marks.model_began(1.7)
    assert marks.sent(1.8) == TurnTimes(1.0, 1.5, 1.5, 1.8)


@given(st.lists(st.sampled_from(["ended", "began", "sounded", "sent", "over", "cut"]), max_size=30))
def test_the_times_of_a_turn_are_in_order_whatever_happens(inputs: list[str]) -> None:
    marks = TurnMarks()
    ended = 0
    told = 0
    for now, what in enumerate(inputs):
        times: TurnTimes | None = None
        match what:
            case "ended":
                ended += 1
                marks.turn_ended(now)
            case "began":
                marks.model_began(now)
            case "sounded":
                marks.sounded(now)
            case "sent":
                times = marks.sent(now)
            case "over":
                times = marks.over()
            case "cut":
                marks.cut()
        if times is not None:
            told += 1
            packet_at = now if times.packet_at is None else times.packet_at
            assert times.ended_at <= times.model_at <= times.delta_at <= packet_at
    assert told <= ended
