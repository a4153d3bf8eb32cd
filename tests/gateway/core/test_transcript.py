from hypothesis import given
from hypothesis import strategies as st

from gateway.core.tool_calls import ToolCall
from gateway.core.transcript import FASTEST_SPEECH, MAX_LINES, PATIENCE, Transcript

SECOND = 24_000


def ids(lines: list) -> list[str]:  # type: ignore[type-arg]
    return [line.item_id for line in lines]


def test_a_callers_line_never_comes_after_its_answer() -> None:
    transcript = Transcript()
    transcript.place("question", "user")
    transcript.place("answer", "assistant", "question")
    transcript.complete("answer", "Forty-two.")
    transcript.mark_heard("answer")
    assert transcript.ready(0.0) == []
    transcript.complete("question", "What is it?")
    assert ids(transcript.ready(0.1)) == ["question", "answer"]
    assert transcript.ready(0.2) == []


def test_an_item_that_becomes_known_late_takes_its_place() -> None:
    transcript = Transcript()
    transcript.place("a", "user")
    transcript.place("c", "assistant", "b_unknown_yet")
    transcript.place("b", "user", "a")
    assert [line.item_id for line in transcript.lines] == ["a", "b", "c"]


def test_a_spoken_answer_is_final_only_when_heard() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.complete("answer", "Hello.")
    assert transcript.ready(0.0) == []
    transcript.mark_heard("answer")
    assert ids(transcript.ready(0.0)) == ["answer"]


def test_a_written_answer_is_final_when_complete() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant", spoken=False)
    transcript.complete("answer", "Hello.")
    assert ids(transcript.ready(0.0)) == ["answer"]


def test_recognition_that_never_comes_holds_the_rest_back_only_for_a_while() -> None:
    transcript = Transcript()
    transcript.place("question", "user")
    transcript.place("answer", "assistant")
    transcript.complete("answer", "Yes.")
    transcript.mark_heard("answer")
    assert transcript.ready(0.0) == []
    assert transcript.ready(PATIENCE) == []
    assert ids(transcript.ready(PATIENCE + 0.1)) == ["answer"]
    transcript.complete("question", "Really?")
    assert ids(transcript.ready(PATIENCE + 5)) == ["question"], "late, but not lost"


def test_a_long_answer_is_never_passed_over() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.add_text("answer", "A very long story")
    transcript.place("question", "user")
    transcript.complete("question", "Hm?")
    assert transcript.ready(0.0) == []
    assert transcript.ready(100.0) == []


def test_a_cut_keeps_the_words_heard() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.complete("answer", "one two three four five six seven eight nine ten")
    transcript.cut("answer", 2 * SECOND, 4 * SECOND)
    (line,) = transcript.ready(0.0)
    assert line.text == "one two three four five"
    assert line.interrupted
    assert line.audio_end_ms == 2000


def test_a_cut_before_the_text_ends_is_bounded_by_how_fast_anyone_speaks() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.add_text("answer", "word " * 200)
    transcript.cut("answer", SECOND, SECOND)
    assert 0 < len(transcript.lines[0].text) <= FASTEST_SPEECH


def test_text_that_arrives_after_a_cut_changes_nothing() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.add_text("answer", "one two three four")
    transcript.cut("answer", SECOND, 2 * SECOND)
    before = transcript.lines[0].text
    transcript.add_text("answer", " five")
    transcript.complete("answer", "one two three four five")
    assert transcript.lines[0].text == before


def test_an_answer_of_which_nothing_was_heard_is_no_line() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.complete("answer", "Hello there.")
    transcript.cut("answer", 0, SECOND)
    assert transcript.ready(0.0) == []


def test_at_the_end_nothing_said_is_lost() -> None:
    transcript = Transcript()
    transcript.place("question", "user")
    transcript.add_text("question", "I was just say")
    transcript.place("answer", "assistant")
    transcript.complete("answer", "Yes.")
    assert [line.text for line in transcript.finish()] == ["I was just say", "Yes."]
    assert transcript.finish() == []


@given(
    st.text(alphabet="abc ", max_size=80),
    st.integers(0, 10 * SECOND),
    st.integers(0, 10 * SECOND),
    st.booleans(),
)
def test_a_cut_is_a_prefix_of_whole_words(
    text: str, heard: int, received: int, complete: bool
) -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.add_text("answer", text)
    if complete:
        transcript.complete("answer")
    transcript.cut("answer", heard, received)
    kept = transcript.lines[0].text
    assert text.startswith(kept)
    assert kept == text or not kept or text[len(kept)] == " "


@given(st.permutations(range(6)))
def test_any_order_of_completion_comes_out_in_conversation_order(order: list[int]) -> None:
    transcript = Transcript()
    previous = None
    for n in range(6):
        transcript.place(f"{n}", "user" if n % 2 == 0 else "assistant", previous, spoken=False)
        previous = f"{n}"
    out = []
    for n in order:
        transcript.complete(f"{n}", f"text {n}")
        out += ids(transcript.ready(0.0))
    assert out == [f"{n}" for n in range(6)]


def test_a_line_that_is_recognised_anew_keeps_its_place_and_not_its_text() -> None:
    transcript = Transcript()
    transcript.place("question", "user")
    transcript.add_text("question", "What is")
    transcript.place("answer", "assistant", spoken=False)
    transcript.complete("answer", "Forty-two.")
    transcript.rename("question", "anew")
    transcript.complete("anew", "What is it?")
    assert [line.text for line in transcript.ready(0.0)] == ["What is it?", "Forty-two."]
    transcript.rename("anew", "once more")
    assert ids(list(transcript.lines)) == ["anew", "answer"], "it is complete"


def test_an_answer_that_breaks_off_keeps_what_its_voice_can_have_said() -> None:
    transcript = Transcript()
    transcript.place("answer", "assistant")
    transcript.add_text("answer", "one two three four five")
    transcript.break_off("answer", SECOND // 2)
    assert transcript.lines[0].text == "one two"
    assert not transcript.lines[0].interrupted


def test_of_a_talk_without_end_the_oldest_lines_are_forgotten() -> None:
    transcript = Transcript()
    transcript.place("unrecognised", "user")
    for number in range(2 * MAX_LINES):
        transcript.place(str(number), "user")
        transcript.complete(str(number), "Yes.")
        transcript.ready(PATIENCE * number)
    assert len(transcript.lines) == MAX_LINES
    assert transcript.get("unrecognised") is not None, "it was not told yet"


def test_a_tools_call_has_its_place_but_is_nobodys_words() -> None:
    transcript = Transcript()
    transcript.place("question", "user")
    transcript.record(ToolCall("call_1", "find", "{}", "call"))
    assert [line.item_id for line in transcript.lines] == ["question", "call"]
    assert transcript.is_complete("call")
    transcript.complete("question", "Where is it?")
    assert ids(transcript.ready(0.0)) == ["question"]
    assert all(line.reported for line in transcript.lines)
    assert transcript.finish() == []
