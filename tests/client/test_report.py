import json

from client.python.peer import CallStats
from client.python.report import Report, turn_line
from client.python.turns import Turn

ANSWERED = Turn(1, 101.0, 103.0, 103.6, 105.1, -20.04, 12.34)
QUICK = Turn(2, 106.0, 107.0, 107.5, 108.0, -22.0, 0.0)
UNANSWERED = Turn(3, 110.0, 111.0)
STATS = CallStats(received=98, lost=2, jitter_ms=1.5)


def _report(*turns: Turn) -> Report:
    return Report(turns, 100.0, -21.0, STATS)


def test_the_line_of_a_turn() -> None:
    assert turn_line(ANSWERED) == "turn 1: end of speech -> first audio heard: 600 ms"
    assert turn_line(UNANSWERED) == "turn 3: no answer was heard"


def test_the_table() -> None:
    assert _report(ANSWERED, QUICK, UNANSWERED).table().splitlines() == [
        "turn     caller spoke  first audio after  answer lasted        level  longest gap",
        "   1        1.0-3.0 s             600 ms          1.5 s   -20.0 dBFS        12 ms",
        "   2        6.0-7.0 s             500 ms          0.5 s   -22.0 dBFS         0 ms",
        "   3      10.0-11.0 s          no answer              -            -            -",
        "turns: 3, answered: 2",
        "end of speech -> first audio heard: median 550 ms, min 500 ms, max 600 ms",
        "heard: -21.0 dBFS, longest gap inside an answer 12 ms",
        "packets lost: 2 of 100 (2.0 %)",
    ]


def test_a_call_without_an_answer_has_no_latency() -> None:
    assert _report(UNANSWERED).table().splitlines()[2:] == [
        "turns: 1, answered: 0",
        "packets lost: 2 of 100 (2.0 %)",
    ]
    assert json.loads(_report(UNANSWERED).as_json())["latency_ms"] is None


def test_the_machines_line() -> None:
    line = _report(ANSWERED, UNANSWERED).as_json(url="http://x")
    assert "\n" not in line
    fields = json.loads(line)
    assert fields["url"] == "http://x"
    assert (fields["answered"], fields["longest_gap_ms"]) == (1, 12.3)
    assert fields["latency_ms"] == {"median": 600.0, "min": 600.0, "max": 600.0}
    assert fields["packets"]["loss_percent"] == 2.0
    assert fields["turns"][0] == {
        "number": 1,
        "speech_start": 1.0,
        "speech_end": 3.0,
        "answer_start": 3.6,
        "answer_end": 5.1,
        "latency_ms": 600.0,
        "level_dbfs": -20.0,
        "longest_gap_ms": 12.3,
    }
    assert fields["turns"][1]["answer_start"] is None
