"""The virtual network does to packets what it says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.net import VirtualNetwork

SPACING = 0.02


def run(network: VirtualNetwork[int], count: int) -> list[tuple[float, int]]:
    for number in range(count):
        network.send(number, number * SPACING)
    return list(network.deliver(float("inf")))


def runs_of_loss(arrived: set[int], count: int) -> list[int]:
    runs, length = [], 0
    for number in range(count):
        if number not in arrived:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


def test_a_perfect_network_delivers_at_once_and_in_order() -> None:
    assert run(VirtualNetwork(1), 50) == [(n * SPACING, n) for n in range(50)]


def test_the_same_seed_gives_the_same_run() -> None:
    def lossy(seed: int) -> list[tuple[float, int]]:
        return run(VirtualNetwork(seed, loss=0.1, jitter_ms=5, reorder=0.1, duplicate=0.1), 500)

    assert lossy(7) == lossy(7)
    assert lossy(7) != lossy(8)


def test_deliver_gives_only_what_has_arrived() -> None:
    network: VirtualNetwork[str] = VirtualNetwork(1, delay_ms=50)
    network.send("a", 0.0)
    network.send("b", 0.02)
    assert network.next_arrival == pytest.approx(0.05)
    [(arrival, packet)] = network.deliver(0.06)
    assert arrival == pytest.approx(0.05)
    assert packet == "a"
    assert list(network.deliver(0.06)) == []
    assert [packet for _, packet in network.deliver(0.08)] == ["b"]
    assert network.next_arrival is None


def test_random_loss_has_the_asked_share() -> None:
    network: VirtualNetwork[int] = VirtualNetwork(3, loss=0.1)
    arrived = run(network, 20_000)
    assert len(arrived) / 20_000 == pytest.approx(0.9, abs=0.01)
    assert network.stats.lost + network.stats.delivered == network.stats.sent == 20_000


def test_burst_loss_has_the_asked_share_and_run_length() -> None:
    arrived = {number for _, number in run(VirtualNetwork(3, loss=0.1, burst=4), 50_000)}
    runs = runs_of_loss(arrived, 50_000)
    assert len(arrived) / 50_000 == pytest.approx(0.9, abs=0.015)
    assert sum(runs) / len(runs) == pytest.approx(4, abs=0.4)


def test_total_loss_delivers_nothing() -> None:
    assert run(VirtualNetwork(1, loss=1.0, burst=3), 100) == []


def test_jitter_delays_but_keeps_the_order() -> None:
    arrived = run(VirtualNetwork(5, jitter_ms=10, delay_ms=30), 5_000)
    delays = [arrival - number * SPACING for arrival, number in arrived]
    assert [number for _, number in arrived] == list(range(5_000))
    assert min(delays) >= 0.03
    assert sum(delays) / len(delays) == pytest.approx(0.042, abs=0.004)


def test_reordered_packets_are_overtaken() -> None:
    network: VirtualNetwork[int] = VirtualNetwork(5, reorder=0.2)
    order = [number for _, number in run(network, 2_000)]
    assert sorted(order) == list(range(2_000))
    assert sum(b < a for a, b in pairwise(order)) > 100
    assert network.stats.reordered == pytest.approx(400, abs=60)


def test_duplicates_arrive_after_the_original() -> None:
    network: VirtualNetwork[int] = VirtualNetwork(5, duplicate=0.25)
    order = [number for _, number in run(network, 2_000)]
    assert set(order) == set(range(2_000))
    assert len(order) - 2_000 == network.stats.duplicated == pytest.approx(500, abs=70)


def test_drift_stretches_the_sender_s_time() -> None:
    arrived = run(VirtualNetwork(1, drift_ppm=100), 50_001)
    assert arrived[-1][0] - arrived[0][0] == pytest.approx(1000.1)
