import json

from client.python.bench.figures import BargeIns, Recovery, Summary
from client.python.bench.report import ROWS, comparison, layout, table, to_json
from tests.client.bench.sample import figures


def row(text: str, name: str) -> str:
    """What the row called `name` says, blanks folded."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return " ".join(line.removeprefix(name).split())


def test_columns_stand_under_each_other() -> None:
    assert layout(["", "long name"], [["a", "b"], ["1", "12345"]]).splitlines() == [
        "            a       b",
        "long name   1   12345",
    ]


def test_profiles_stand_side_by_side() -> None:
    text = table([("rest", figures()), ("loss=10", figures(cpu_ms_per_call_s=13.5))])
    assert len(text.splitlines()) == len(ROWS) + 1
    assert text.splitlines()[0].split()[-2:] == ["rest", "loss=10"]
    assert row(text, "CPU, ms per call-second") == "12.0 13.5"
    assert row(text, "uplink, ms") == "0.4 / 5.1 / 9.0 0.4 / 5.1 / 9.0"
    assert row(text, "delivered, % of the time line") == "100.00 100.00"
    assert row(text, "  of the worst call") == "99.96 99.96"
    assert row(text, "  signed, cuts by 5 ms") == "0:9 5:1 0:9 5:1"
    assert row(text, "RSS idle -> busy, MiB") == "90.0 -> 100.0 90.0 -> 100.0"


def test_what_is_not_known_is_a_dash() -> None:
    unknown = figures(
        cpu_ms_per_call_s=None, rss_per_call_kib=None, uplink_ms=Summary(), barge_in=BargeIns()
    )
    text = table([("rest", unknown)])
    for name in ("CPU, ms per call-second", "RSS per call", "uplink, ms", "barge-in to silence"):
        assert row(text, name).endswith("-")


def test_what_never_happened_is_told() -> None:
    text = table([("one-lost", figures(recovery=Recovery(Summary(3, 41.0, 43.0, 43.0), 5)))])
    assert row(text, "one lost packet to rest, ms") == "41 / 43 / 43 (5 never)"
    assert row(text, "barge-in to silence, ms") == "0.0 / 1.2 / 1.2 (1 never)"
    nothing = table([("one-lost", figures(recovery=Recovery(Summary(), 5)))])
    assert row(nothing, "one lost packet to rest, ms") == "- (5 never)"


def test_a_comparison_tells_how_many_times_less() -> None:
    stock = figures(cpu_ms_per_call_s=72.0, uplink_ms=Summary(400, 81.0, 204.0, 300.0))
    text = comparison(("stock", stock), ("Talkpath", figures()))
    assert row(text, "CPU, ms per call-second") == "72.0 12.0 6.0"
    assert row(text, "uplink, ms") == "81.0 / 204.0 / 300.0 0.4 / 5.1 / 9.0 202.5 / 40.0 / 33.3"
    assert row(text, "calls lost") == "0 0"


def test_a_late_generator_is_told_under_the_table() -> None:
    late = figures(generator_lag_ms=Summary(20_000, 0.3, 7.2, 40.0))
    for text in (
        table([("rest", figures()), ("loss=5", late)]),
        comparison(("loss=5", late), ("Talkpath", figures())),
    ):
        assert text.splitlines()[-1].startswith("UNRELIABLE, loss=5: the generator's timer was 7.2")
        assert "UNRELIABLE" not in text.rpartition("\n")[0]


def test_json_is_one_object() -> None:
    told = json.loads(to_json({"calls": 20}, [figures()]))
    assert told["load"] == {"calls": 20}
    assert told["host"]["cores"] >= 1
    assert [profile["profile"] for profile in told["profiles"]] == ["rest"]
