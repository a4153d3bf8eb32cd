import numpy as np
import pytest

from client.python.bench.probes import burst, sine
from client.python.bench.reception import RATE, Heard, Reception
from client.python.bench.rtp import RtpSender
from client.python.levels import Samples

FRAME = RATE // 50
HUM = sine(300, 1_000, FRAME, RATE)
SILENCE = np.zeros(FRAME, dtype=np.int16)


class Line:
    """Packets that carry their own PCM, one every 20 ms, to a receiver that `decodes` so."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.reception = Reception(
            lambda payload: np.frombuffer(payload, dtype=np.int16), self.heard.append
        )
        self.rtp = RtpSender(ssrc=5, payload_type=96, sequence=0xFFFE, timestamp=2**32 - 1_000)
        self.now = 10.0

    def send(self, *frames: Samples, late: float = 0.0) -> None:
        for frame in frames:
            self.reception.receive(self.rtp.packet(frame.tobytes()), self.now + late)
            self.now += 0.02

    def rest(self, seconds: float) -> None:
        """Nothing is sent, and the RTP clock goes on."""
        self.now += seconds
        self.rtp.timestamp = (self.rtp.timestamp + round(seconds * 48_000)) & 0xFFFFFFFF


def frames(audio: Samples) -> list[Samples]:
    return [audio[start : start + FRAME] for start in range(0, len(audio), FRAME)]


def test_an_answer_is_heard_from_its_burst_to_its_last_sound() -> None:
    line = Line()
    line.send(SILENCE, SILENCE)
    started = line.now
    line.send(*frames(burst(4, RATE)), HUM, HUM, *[SILENCE] * 5)
    (heard,) = line.heard
    assert line.reception.answer is heard
    assert (heard.tone, heard.started_at) == (4, started)
    assert heard.seconds == pytest.approx(0.100, abs=0.001)
    assert heard.last_audible_at == pytest.approx(started + 4 * 0.02)


def test_the_codecs_tail_is_heard_but_makes_no_packet_audible() -> None:
    line = Line()
    tail = SILENCE.copy()
    tail[:52] = sine(300, 1_000, 52, RATE)
    line.send(*frames(burst(0, RATE)), HUM)
    last = line.now - 0.02
    line.send(tail, SILENCE)
    heard = line.heard[0]
    assert heard.last_audible_at == pytest.approx(last)
    assert heard.seconds == pytest.approx(0.080 + 52 / RATE, abs=0.002)


def test_a_burst_told_one_packet_later_starts_where_it_did() -> None:
    line = Line()
    late = SILENCE.copy()
    late[-10:] = burst(2, RATE)[:10]
    started = line.now
    line.send(late, burst(2, RATE)[10 : 10 + FRAME], HUM, SILENCE)
    heard = line.heard[0]
    assert heard.started_at == started
    assert heard.seconds == pytest.approx(10 / RATE + 0.04, abs=0.001)


def test_a_pause_within_an_answer_costs_none_of_it() -> None:
    line = Line()
    # As a codec gives it back: what begins late in a packet ends late in the one after the last.
    tail, onset = SILENCE.copy(), HUM.copy()
    tail[:52], onset[:52] = HUM[:52], 0
    line.send(*frames(burst(1, RATE)), tail, SILENCE, onset, HUM, SILENCE)
    assert line.heard[0].seconds == pytest.approx(0.100, abs=0.001)


def test_only_what_is_heard_of_an_answer_counts() -> None:
    line = Line()
    line.send(*frames(burst(1, RATE)), HUM, SILENCE, SILENCE, HUM)
    line.rest(0.5)
    line.send(HUM, SILENCE)
    assert line.heard[0].seconds == pytest.approx(0.12, abs=0.001)


def test_the_next_answer_is_its_own() -> None:
    line = Line()
    for tone in (1, 2):
        line.send(*frames(burst(tone, RATE)), HUM, SILENCE)
        line.rest(1.0)
    assert [heard.tone for heard in line.heard] == [1, 2]
    assert line.heard[1].seconds == pytest.approx(0.08, abs=0.001)


def test_pace_is_judged_in_a_talkspurt_and_the_clock_over_a_silence() -> None:
    line = Line()
    line.send(HUM, HUM)
    line.send(HUM, late=0.007)
    stats = line.reception.stats
    assert stats.pace_errors == pytest.approx([0.0, 0.007])
    line.rest(2.0)
    line.now += 0.25
    line.send(HUM)
    assert len(stats.pace_errors) == 2
    assert stats.worst_clock_error == pytest.approx(0.25 - 0.007)


def test_gaps_are_counted_and_old_packets_do_not_turn_the_clock_back() -> None:
    line = Line()
    first = line.rtp.packet(HUM.tobytes())
    second = line.rtp.packet(HUM.tobytes())
    line.rtp.advance()
    third = line.rtp.packet(HUM.tobytes())
    for n, packet in enumerate((first, third, second)):
        line.reception.receive(packet, 1.0 + n)
    stats = line.reception.stats
    assert (stats.packets, stats.lost) == (3, 2)
    assert (line.reception.ssrc, line.reception.highest_sequence) == (5, 1)


def test_what_is_not_opus_is_counted_and_not_heard() -> None:
    line = Line()
    line.send(np.zeros(0, dtype=np.int16), HUM)
    assert line.reception.stats.packets == 2
    assert line.heard == []
