"""What a fresh connection hears again. Every 20 ms frame is known by its samples."""

import struct

import pytest

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.core.replay import MAX_KEPT, PATIENCE, Replay, ReplayBuffer

FRAMES_A_SECOND = SAMPLE_RATE // FRAME_SAMPLES


class Caller:
    """Speaks in real time, into one connection after the other."""

    def __init__(self) -> None:
        self.buffer = ReplayBuffer()
        self.now = 100.0
        self.frames = 0
        self.buffer.replay(turns=True)  # the first connection
        self._connection_from = 0

    def say(self, seconds: float, *, rate: float = 1.0) -> None:
        for _ in range(round(seconds * FRAMES_A_SECOND)):
            self.now += 0.02 / rate
            number = struct.pack("<h", self.frames % 30_000)
            self.buffer.append(number * FRAME_SAMPLES, self.now)
            self.frames += 1

    def ms(self, seconds_ago: float = 0.0) -> int:
        """A time in the present connection's own count."""
        return round((self.frames - self._connection_from) * 20 - seconds_ago * 1000)

    def reconnect(self, *, turns: bool = True) -> Replay:
        replay = self.buffer.replay(turns=turns)
        heard = numbers(replay)
        self._connection_from = heard[0] if heard else self.frames
        return replay


def numbers(replay: Replay) -> list[int]:
    """The frames of a replay, which are whole and in order."""
    audio = b"".join(step for step in replay.steps if step is not None)
    found = [at[0] for at in struct.iter_unpack("<h", audio)][::FRAME_SAMPLES]
    assert found == list(range(found[0], found[0] + len(found))) if found else True
    return found


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_at_rest_a_second_is_kept_and_at_least_half_of_it_is_heard_again(caller: Caller) -> None:
    caller.say(20)
    assert MAX_KEPT - caller.buffer.room <= 1.1 * SAMPLE_RATE
    replay = caller.reconnect()
    assert 25 <= len(numbers(replay)) <= 52
    assert numbers(replay)[-1] == caller.frames - 1
    assert not replay.speech


def test_what_came_faster_than_time_is_heard_again_as_well(caller: Caller) -> None:
    caller.say(1)
    caller.say(10, rate=100)
    assert len(numbers(caller.reconnect())) >= 500


def test_an_utterance_is_heard_again_from_before_its_start(caller: Caller) -> None:
    caller.say(5)
    caller.buffer.speech_started("q", caller.ms(0.2), caller.now)
    started = caller.frames - 10
    caller.say(7)
    replay = caller.reconnect()
    assert numbers(replay)[0] == started - 15
    assert replay.speech
    assert replay.item_ids == ("q",)


def test_a_turn_is_kept_until_it_is_recognised(caller: Caller) -> None:
    caller.say(2)
    caller.buffer.speech_started("q", caller.ms(), caller.now)
    started = caller.frames
    caller.say(3)
    caller.buffer.speech_stopped(caller.ms())
    caller.buffer.committed("q", caller.now)
    caller.say(4)
    assert caller.buffer.waiting_items() == ["q"]
    assert not caller.buffer.at_rest
    assert numbers(caller.reconnect())[0] == started

    caller.buffer.speech_started("q2", 0, caller.now)
    caller.buffer.speech_stopped(3_000)
    caller.buffer.committed("q2", caller.now)
    caller.buffer.recognised("q2")
    assert caller.buffer.at_rest
    assert numbers(caller.reconnect())[0] >= started + 150, "nothing of a turn that is in words"


def test_a_turn_that_is_never_recognised_is_given_up(caller: Caller) -> None:
    caller.buffer.speech_started("q", 0, caller.now)
    caller.say(1)
    caller.buffer.committed("q", caller.now)
    caller.buffer.expire(caller.now + PATIENCE)
    assert caller.buffer.waiting_items() == ["q"]
    caller.buffer.expire(caller.now + PATIENCE + 0.1)
    assert caller.buffer.at_rest


def test_turns_stay_behind_while_their_own_connection_does(caller: Caller) -> None:
    caller.buffer.speech_started("q", 0, caller.now)
    caller.say(3)
    caller.buffer.committed("q", caller.now)
    ended = caller.frames
    caller.say(1)
    replay = caller.reconnect(turns=False)
    assert numbers(replay)[0] >= ended
    assert replay.item_ids == ()
    assert caller.buffer.waiting_items() == ["q"]


def test_what_is_said_without_a_connection_is_kept(caller: Caller) -> None:
    caller.say(10)
    lost = caller.frames
    caller.buffer.disconnected()
    caller.say(12)
    replay = caller.reconnect()
    assert numbers(replay)[0] <= lost - 25
    assert numbers(replay)[-1] == caller.frames - 1
    assert caller.buffer.lost_samples == 0


def test_of_a_long_outage_the_oldest_is_lost_and_counted(caller: Caller) -> None:
    caller.say(5)
    caller.buffer.disconnected()
    caller.say(40)
    replay = caller.reconnect()
    assert len(numbers(replay)) * FRAME_SAMPLES == MAX_KEPT
    assert 10 * SAMPLE_RATE <= caller.buffer.lost_samples <= 11 * SAMPLE_RATE


def test_a_connection_that_breaks_at_once_costs_nothing(caller: Caller) -> None:
    caller.buffer.disconnected()
    caller.say(8)
    first = numbers(caller.reconnect())
    caller.say(0.5)
    caller.buffer.disconnected()
    assert numbers(caller.reconnect())[0] == first[0]
    caller.say(3)
    assert numbers(caller.reconnect())[0] > first[-1]


def test_positions_that_cannot_be_true_cost_nothing_but_more_to_hear(caller: Caller) -> None:
    caller.say(3)
    caller.buffer.speech_started("q", 10**9, caller.now)
    caller.say(1)
    caller.buffer.speech_stopped(-5)
    assert numbers(caller.reconnect())[0] <= caller.frames - 50 - 15
    caller.buffer.speech_started("q", "soon", caller.now)
    caller.say(1)
    assert numbers(caller.reconnect())[0] <= caller.frames - 50 - 15


class TestPushToTalk:
    @pytest.fixture(autouse=True)
    def manual(self, caller: Caller) -> None:
        caller.buffer.manual = True
        caller.say(3)
        caller.buffer.cleared()

    def test_all_since_the_button_was_pressed_is_heard_again(self, caller: Caller) -> None:
        assert caller.buffer.at_rest
        pressed = caller.frames
        caller.say(9)
        assert not caller.buffer.at_rest
        replay = caller.reconnect()
        assert numbers(replay)[0] == pressed
        assert None not in replay.steps

    def test_turns_are_committed_again(self, caller: Caller) -> None:
        for _ in range(2):
            caller.say(2)
            caller.buffer.commit(caller.now)
        caller.say(1)
        caller.buffer.committed("q", caller.now)
        replay = caller.reconnect()
        # Half a second each: two turns of four pieces with their commits, and what follows.
        assert [step is None for step in replay.steps] == [False] * 4 + [True] + [False] * 4 + [
            True,
            False,
            False,
        ]
        assert replay.item_ids == ("q",)
        assert not replay.speech
        for item_id in ("q1", "q2"):
            caller.buffer.committed(item_id, caller.now)
        assert caller.buffer.waiting_items() == ["q1", "q2"]

    def test_a_commit_of_nothing_is_no_turn(self, caller: Caller) -> None:
        caller.buffer.commit(caller.now)
        caller.buffer.commit_refused()
        caller.say(1)
        caller.buffer.commit(caller.now)
        caller.buffer.committed("q", caller.now)
        assert caller.buffer.waiting_items() == ["q"]
