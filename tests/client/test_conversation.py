"""Recordings held against a gateway that answers after a known delay."""

import pytest

from client.python import ClientError, Microphone, Speaker, TalkpathClient, Turn
from client.python.conversation import Conversation
from client.python.heard import RATE
from client.python.levels import Samples
from client.python.talkspurts import find_talkspurts
from tests.client.scripted import HANG_OVER, ScriptedGateway
from tests.client.tones import joined, silence, tone

WORD = tone(0.3, RATE)
RECORDING = joined(silence(0.1, RATE), WORD, silence(1.0, RATE), WORD, silence(0.2, RATE))


async def _converse(
    gateway: ScriptedGateway, recording: Samples, *, wait: bool, answer_timeout: float = 5.0
) -> tuple[list[Turn], list[Turn], Conversation, Speaker]:
    microphone, speaker = Microphone(), Speaker()
    told: list[Turn] = []
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        await client.call(microphone, speaker)
        talk = Conversation(
            client, microphone, speaker, answer_timeout=answer_timeout, on_turn=told.append
        )
        converse = talk.take_turns if wait else talk.play_through
        turns = await converse(recording, find_talkspurts(recording, RATE))
    return turns, told, talk, speaker


async def test_each_utterance_waits_for_the_answer_to_the_last(gateway: ScriptedGateway) -> None:
    turns, told, talk, speaker = await _converse(gateway, RECORDING, wait=True)
    assert turns == told
    assert [turn.number for turn in turns] == [1, 2]
    for turn, began in zip(turns, gateway.answer_starts, strict=True):
        assert turn.answer_start is not None
        assert turn.answer_start - began == pytest.approx(0.02, abs=0.03)
        assert turn.latency_ms == pytest.approx((HANG_OVER + gateway.answer_delay) * 1000, abs=120)
        assert turn.answer_end is not None
        assert turn.answer_end - turn.answer_start == pytest.approx(0.28, abs=0.06)
        assert turn.longest_gap_ms < 20
    first, second = turns
    assert first.answer_end is not None
    assert second.speech_start - first.answer_end > 1.0

    assert speaker.origin is not None
    line = talk.caller_line(speaker.origin)
    starts = [(turn.speech_start - speaker.origin) for turn in turns]
    found = [spurt.start / RATE for spurt in find_talkspurts(line, RATE)]
    assert found == pytest.approx(starts, abs=0.03)


async def test_a_recording_can_be_played_straight_through(gateway: ScriptedGateway) -> None:
    turns, told, _, _ = await _converse(gateway, RECORDING, wait=False)
    assert turns == told
    assert turns[1].speech_start - turns[0].speech_start == pytest.approx(1.3, abs=0.05)
    for turn, began in zip(turns, gateway.answer_starts, strict=True):
        assert turn.answer_start == pytest.approx(began + 0.02, abs=0.03)


async def test_an_answer_that_does_not_come_is_given_up(gateway: ScriptedGateway) -> None:
    gateway.answers = False
    recording = joined(WORD, silence(0.1, RATE))
    turns, _, _, _ = await _converse(gateway, recording, wait=True, answer_timeout=0.4)
    assert [turn.latency_ms for turn in turns] == [None]


async def test_the_answer_is_not_over_while_a_response_is_under_way(
    gateway: ScriptedGateway,
) -> None:
    gateway.answer = joined(tone(0.1, RATE), silence(1.1, RATE), tone(0.1, RATE))
    turns, _, _, _ = await _converse(gateway, WORD, wait=True)
    (turn,) = turns
    assert turn.answer_end is not None
    assert turn.answer_start is not None
    assert turn.answer_end - turn.answer_start == pytest.approx(1.3, abs=0.1)


async def test_a_call_that_the_gateway_ends_is_an_error(gateway: ScriptedGateway) -> None:
    gateway.hang_up_after_answers = 1
    with pytest.raises(ClientError) as caught:
        await _converse(gateway, WORD, wait=True)
    assert caught.value.code == "closed"
