from itertools import groupby

import pytest

from client.python.bench.path import DETOUR_SECONDS, LossyPath
from client.python.bench.profile import Profile, parse_profile

PACKETS = 20_000


def arrivals(profile: Profile, seed: int = 1, packets: int = PACKETS) -> list[float | None]:
    path = LossyPath(profile, seed)
    return [path.arrival(n * 0.02) for n in range(packets)]


def test_at_rest_every_packet_arrives_at_once() -> None:
    assert arrivals(parse_profile("rest"), packets=50) == [n * 0.02 for n in range(50)]


def test_the_same_seed_is_the_same_network() -> None:
    profile = parse_profile("jitter=30,loss=5,reorder=2")
    assert arrivals(profile, 7, 500) == arrivals(profile, 7, 500)
    assert arrivals(profile, 7, 500) != arrivals(profile, 8, 500)


@pytest.mark.parametrize(
    ("text", "share", "run"), [("loss=10", 0.1, 1.11), ("loss=10,burst=4", 0.1, 4.0)]
)
def test_the_asked_share_is_lost_in_runs_of_the_asked_length(
    text: str, share: float, run: float
) -> None:
    lost = [arrival is None for arrival in arrivals(parse_profile(text))]
    assert sum(lost) / PACKETS == pytest.approx(share, rel=0.15)
    runs = [len(list(group)) for gone, group in groupby(lost) if gone]
    assert sum(runs) / len(runs) == pytest.approx(run, rel=0.1)


def test_jitter_delays_by_no_more_than_asked_and_keeps_the_order() -> None:
    came = [arrival for arrival in arrivals(parse_profile("jitter=60")) if arrival is not None]
    assert came == sorted(came)
    delays = [arrival - n * 0.02 for n, arrival in enumerate(came)]
    assert 0 <= min(delays) < 0.01
    assert 0.055 < max(delays) <= 0.06


def test_a_reordered_packet_is_overtaken_by_the_next() -> None:
    came = arrivals(parse_profile("reorder=10"))
    late = [n for n, at in enumerate(came) if at is not None and at > n * 0.02]
    assert len(late) / PACKETS == pytest.approx(0.1, rel=0.15)
    assert 0.02 < DETOUR_SECONDS < 0.04
    assert all(came[n] == pytest.approx(n * 0.02 + DETOUR_SECONDS) for n in late)
