import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from client.python.bench import churn, soak
from client.python.bench.command import FAILED, MEASURED
from client.python.bench.footprint import Footprint
from client.python.bench.soak import HEAD, Look, Soak, main, row, to_json, verdict

REST = Footprint(rss_kib=90_000, sessions=0, threads=1, tasks=3, sockets=3, descriptors=7)


def looks(rss_kib: Sequence[int], **last: int) -> list[Look]:
    """One each hundred calls; `last`: what the last footprint holds."""
    held = [replace(REST, rss_kib=value) for value in rss_kib]
    held[-1] = replace(held[-1], **last)
    return [Look(100 * number, 30.0 * number, footprint) for number, footprint in enumerate(held)]


FLAT = [90_000, 94_000, 95_000, 95_100, 95_000, 95_100, 95_000, 95_100, 95_000, 95_100, 95_000]
LEAKING = [90_000 + 600 * number for number in range(11)]


def test_the_first_fifth_does_not_count() -> None:
    seen = Soak(looks(FLAT), {"vanish": 1000}, [])
    assert seen.kib_per_call is not None
    assert abs(seen.kib_per_call) < 0.1
    assert seen.is_flat


def test_six_kib_of_each_call_are_a_leak() -> None:
    seen = Soak(looks(LEAKING), {"vanish": 1000}, [])
    assert seen.kib_per_call == 6.0
    assert not seen.is_flat
    assert "6.0 KiB per call (at most 4)" in verdict(seen)
    assert verdict(seen).endswith("\nNOT flat")


@pytest.mark.parametrize("name", ["sessions", "threads", "tasks", "sockets", "descriptors"])
def test_one_of_anything_left_is_not_flat(name: str) -> None:
    held = getattr(REST, name) + 1
    seen = Soak(looks(FLAT, **{name: held}), {"vanish": 1000}, [])
    assert seen.left == {name: 1}
    assert not seen.is_flat
    assert f"left after the last call: 1 {name}" in verdict(seen)


def test_too_few_looks_tell_nothing() -> None:
    seen = Soak(looks([90_000, 95_000]), {"vanish": 100}, [])
    assert seen.kib_per_call is None
    assert not seen.is_flat


def test_rows_stand_under_their_heads() -> None:
    line = row(looks(FLAT)[3])
    assert len(line) == len(HEAD)
    assert line.split() == ["300", "90.0", "95100", "0", "1", "3", "3", "7"]
    assert HEAD.split()[-2:] == ["sockets", "descriptors"]


def test_json_is_one_object() -> None:
    told = json.loads(to_json(Soak(looks(FLAT), {"vanish": 1000}, ["call 7: lost"])))
    assert told["flat"]
    assert told["looks"][1]["footprint"]["rss_kib"] == 94_000
    assert told["failures"] == ["call 7: lost"]


@pytest.mark.parametrize(
    ("rss_kib", "failures", "status"),
    [(FLAT, [], MEASURED), (LEAKING, [], FAILED), (FLAT, ["call 7: lost"], FAILED)],
)
def test_the_exit_status_is_the_verdict(
    rss_kib: list[int], failures: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measured(*arguments: Any) -> Soak:
        return Soak(looks(rss_kib), {"vanish": 1000}, failures)

    monkeypatch.setattr(soak, "_measure", measured)
    assert main([]) == status


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_gateway_is_soaked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Those who vanish are waited for by the full run.
    ways = tuple(way for way in churn.WAYS if way.name in ("talk and hang up", "lose the model"))
    monkeypatch.setattr(churn, "WAYS", ways)
    monkeypatch.setattr(soak, "_FIRST_CALLS", 6)
    monkeypatch.setattr(soak, "_STEADY_SECONDS", 1.0)
    monkeypatch.setattr(soak, "MOST_KIB_PER_CALL", 1e6)
    assert main(["--calls", "12", "--every", "6", "--at-once", "6", "--json"]) == MEASURED
    told = json.loads(capsys.readouterr().out)
    assert [look["calls"] for look in told["looks"]] == [0, 6, 12]
    assert told["placed"] == {"talk and hang up": 8, "lose the model": 4}
    assert told["left"] == {}
    assert told["failures"] == []
