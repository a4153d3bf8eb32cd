from hypothesis import given
from hypothesis import strategies as st

from gateway.core.responses import EXPECTED_FOR, MAX_WAITING, Phase, ResponseSequencer


def test_a_request_goes_out_at_once_when_nothing_runs() -> None:
    sequencer = ResponseSequencer()
    request = sequencer.request({"instructions": "hello"})
    assert request is not None
    assert request.response == {"instructions": "hello"}
    assert sequencer.phase is Phase.REQUESTED


def test_a_second_request_waits_for_the_first_to_end() -> None:
    sequencer = ResponseSequencer()
    sequencer.request()
    sequencer.created("resp_1")
    assert sequencer.request({"metadata": {"n": "2"}}) is None
    assert sequencer.waiting == 1
    following = sequencer.done("resp_1")
    assert following is not None
    assert following.response == {"metadata": {"n": "2"}}


def test_a_request_that_crossed_with_the_servers_own_response_is_sent_again_after_it() -> None:
    sequencer = ResponseSequencer()
    request = sequencer.request()
    assert request is not None
    sequencer.created("resp_of_the_server")
    assert sequencer.refused(request.event_id, busy=True) is None
    assert sequencer.done("resp_of_the_server") == request


def test_a_refusal_that_overtook_the_servers_created_still_waits_for_its_end() -> None:
    sequencer = ResponseSequencer()
    request = sequencer.request()
    assert request is not None
    assert sequencer.refused(request.event_id, busy=True) is None
    assert sequencer.phase is Phase.RUNNING
    sequencer.created("resp_of_the_server")
    assert sequencer.done("resp_of_the_server") == request


def test_a_plain_refusal_frees_the_way() -> None:
    sequencer = ResponseSequencer()
    request = sequencer.request()
    assert request is not None
    waiting = sequencer.request({"metadata": {"n": "2"}})
    assert waiting is None
    following = sequencer.refused(request.event_id, busy=False)
    assert following is not None
    assert following.response == {"metadata": {"n": "2"}}


def test_errors_of_other_events_change_nothing() -> None:
    sequencer = ResponseSequencer()
    sequencer.request()
    assert sequencer.refused("somebody_elses_event", busy=True) is None
    assert sequencer.phase is Phase.REQUESTED


def test_audio_of_a_cut_response_is_stale_until_its_id_is_used_anew() -> None:
    sequencer = ResponseSequencer()
    sequencer.created("resp_1")
    assert not sequencer.stale("resp_1")
    assert sequencer.cut() == "resp_1"
    assert sequencer.stale("resp_1")
    assert sequencer.cut() is None, "a response is cancelled once"
    sequencer.done("resp_1")
    assert sequencer.stale("resp_1")
    sequencer.created("resp_1")
    assert not sequencer.stale("resp_1")


def test_a_cut_response_still_blocks_until_the_server_ended_it() -> None:
    sequencer = ResponseSequencer()
    sequencer.created("resp_1")
    sequencer.cut()
    assert sequencer.request() is None
    assert sequencer.done("resp_1") is not None


def test_the_end_of_another_response_does_not_free_the_way() -> None:
    sequencer = ResponseSequencer()
    sequencer.created("resp_2")
    assert sequencer.done("resp_1") is None
    assert sequencer.phase is Phase.RUNNING


def test_after_a_lost_connection_the_unanswered_request_is_asked_again() -> None:
    sequencer = ResponseSequencer()
    request = sequencer.request()
    sequencer.reset()
    assert sequencer.resume() == request


def test_waiting_requests_are_bounded() -> None:
    sequencer = ResponseSequencer()
    sequencer.created("resp_1")
    for _ in range(3 * MAX_WAITING):
        sequencer.request()
    assert sequencer.waiting == MAX_WAITING


@given(st.lists(st.sampled_from(["request", "auto", "answer", "done", "busy", "cut"]), max_size=60))
def test_never_two_in_flight_whatever_the_order(steps: list[str]) -> None:
    """Against a server that, like OpenAI's, refuses a second response while one runs."""
    sequencer = ResponseSequencer()
    running: str | None = None
    asked: list[str] = []
    ids = iter(range(1000))

    def start() -> str:
        response_id = f"resp_{next(ids)}"
        sequencer.created(response_id)
        return response_id

    for step in steps:
        sent = None
        if step == "request":
            sent = sequencer.request()
        elif step == "auto" and running is None and len(asked) < 2:
            # It reads what was sent to it before a whole response of its own has come and gone.
            running = start()
        elif step == "answer" and asked:
            event_id = asked.pop()
            if running is None:
                running = start()
            else:
                sent = sequencer.refused(event_id, busy=True)
        elif step == "done" and running is not None:
            finished, running = running, None
            sent = sequencer.done(finished)
        elif step == "cut":
            sequencer.cut()
        if sent is not None:
            assert running is None or step == "answer"
            asked.append(sent.event_id)
        assert len(asked) <= 2, "one in flight, and one that crossed with the server's own"


def test_an_answer_of_the_servers_own_is_expected_for_a_while() -> None:
    sequencer = ResponseSequencer()
    sequencer.expect(5.0)
    assert sequencer.is_expected(5.0 + EXPECTED_FOR - 0.1)
    assert not sequencer.is_expected(5.0 + EXPECTED_FOR)
    sequencer.created("resp_1")
    assert not sequencer.is_expected(5.0)


def test_an_answer_that_is_owed_is_asked_for_once_on_the_next_connection() -> None:
    sequencer = ResponseSequencer()
    sequencer.created("resp_1")
    sequencer.reset(owed=True)
    sequencer.reset(owed=True)
    assert sequencer.resume() is not None
    assert sequencer.waiting == 0
    sequencer.reset(owed=True)
    assert sequencer.waiting == 1
