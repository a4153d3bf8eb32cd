import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.audio import Samples
from gateway.local_model.utterance import Piece, Utterance

SECOND = 16_000


def audio(seconds: float, level: int = 1_000) -> Samples:
    return np.full(round(seconds * SECOND), level, np.int16)


def recognised(piece: Piece, text: str) -> None:
    piece.text, piece.tokens = text, (1, 2)


def test_a_pause_at_the_end_needs_no_second_recognition() -> None:
    utterance = Utterance()
    utterance.extend(audio(2))
    tentative = utterance.pause()
    assert utterance.text is None
    recognised(tentative, "hello")
    assert utterance.text == "hello"
    utterance.extend(audio(0.3, 0))
    assert utterance.finish() is None
    assert utterance.text == "hello"


def test_going_on_drops_the_guess_but_keeps_its_tokens_as_a_draft() -> None:
    utterance = Utterance()
    utterance.extend(audio(2))
    guess = utterance.pause()
    recognised(guess, "hello")
    utterance.extend(audio(0.2, 0))
    assert utterance.resume() is guess
    assert utterance.text is None
    utterance.extend(audio(1))
    last = utterance.finish()
    assert last is not None
    assert len(last.samples) == round(3.2 * SECOND)
    assert last.draft == (1, 2)
    recognised(last, "hello world")
    assert utterance.text == "hello world"


def test_a_long_piece_stands_when_the_caller_goes_on() -> None:
    utterance = Utterance()
    utterance.extend(audio(5))
    first = utterance.pause()
    utterance.extend(audio(0.2, 0))
    assert utterance.resume() is None
    utterance.extend(audio(1))
    last = utterance.finish()
    assert last is not None
    assert len(last.samples) == round(1.2 * SECOND)
    assert last.draft == ()
    recognised(first, "one")
    assert utterance.text is None
    recognised(last, "two")
    assert utterance.text == "one two"


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    utterance = Utterance()
    pieces = utterance.extend(np.concatenate([audio(12), audio(0.1, 10), audio(4)]))
    (piece,) = pieces
    assert 12.0 * SECOND <= len(piece.samples) <= 12.1 * SECOND


def test_nothing_said_is_nothing_to_recognise() -> None:
    utterance = Utterance()
    assert utterance.finish() is None
    assert utterance.text == ""


def test_a_failed_piece_fails_the_utterance() -> None:
    utterance = Utterance()
    utterance.extend(audio(1))
    last = utterance.finish()
    assert last is not None
    last.text, last.failed = "", True
    assert utterance.failed
    assert utterance.text == ""


@given(
    st.lists(
        st.tuples(st.integers(1, 5 * SECOND), st.sampled_from(["speak", "pause"])), max_size=15
    )
)
def test_the_pieces_are_the_turn_each_sample_once(steps: list[tuple[int, str]]) -> None:
    utterance = Utterance()
    count, paused_at = 0, None
    for size, step in steps:
        if step == "speak" and paused_at is not None:
            utterance.resume()
            paused_at = None
        utterance.extend(np.arange(count, count + size).astype(np.int16))
        count += size
        if step == "pause" and paused_at is None:
            utterance.pause()
            paused_at = count
    utterance.finish()
    assert utterance.samples == count
    samples = [piece.samples for piece in utterance.pieces]
    joined = np.concatenate(samples) if samples else np.zeros(0, np.int16)
    # Behind a pause that ended the turn there is only silence, which no piece needs.
    expected = count if paused_at is None else paused_at
    assert (joined == np.arange(expected).astype(np.int16)).all()
    assert all(len(piece) <= 20 * SECOND for piece in samples)
