import base64
import json

import numpy as np

from client.python.bench.answers import RATE, SpokenAnswer, event, make_answer
from client.python.bench.opus import OpusEncoder
from client.python.bench.probes import BurstDetector
from client.python.bench.reception import AUDIBLE
from tests.client.bench.decoding import decoded


def test_an_answer_starts_with_its_burst_and_is_audible_to_its_end() -> None:
    answer = make_answer(5, 0.5, 0.2)
    assert len(answer.deltas) == 3
    pcm = np.frombuffer(b"".join(map(base64.b64decode, answer.deltas)), dtype="<i2")
    assert len(pcm) == answer.samples == RATE // 2
    encoder = OpusEncoder(RATE, 64_000)
    packets = [encoder.encode(pcm[start : start + 480]) for start in range(0, len(pcm), 480)]
    encoder.close()
    detector = BurstDetector(8_000)
    frames = decoded(packets, 8_000)
    bursts = [b for n, frame in enumerate(frames) if (b := detector.feed(frame, float(n)))]
    assert [(b.tone, b.at) for b in bursts] == [(5, 0.0)]
    assert all(frame[-80:].max() >= AUDIBLE for frame in frames)


def test_events_have_ids_of_their_own() -> None:
    first, second = json.loads(event("a", x=1)), json.loads(event("a", x=1))
    assert first["type"] == "a"
    assert first["x"] == 1
    assert first["event_id"] != second["event_id"]


def test_an_answer_is_told_in_the_order_of_the_protocol() -> None:
    spoken = SpokenAnswer(make_answer(0, 0.5, 0.2), "resp_1", "item_1")
    deltas = [spoken.delta(n) for n in range(3)]
    events = [json.loads(e) for e in [*spoken.opening(), *deltas, *spoken.closing()]]
    assert [e["type"] for e in events] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.delta",
        "response.output_audio.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert {e["response_id"] for e in events if "response_id" in e} == {"resp_1"}
    assert {e["item_id"] for e in events if "item_id" in e} == {"item_1"}
    assert events[4]["delta"].encode() == make_answer(0, 0.5, 0.2).deltas[0]
    assert events[-1]["response"]["status"] == "completed"


def test_a_cut_answer_ends_as_cancelled() -> None:
    spoken = SpokenAnswer(make_answer(0, 0.5, 0.2), "resp_1", "item_1")
    last = json.loads(spoken.cancelled()[-1])
    assert (last["type"], last["response"]["status"]) == ("response.done", "cancelled")
