from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.media.ports import PortsExhausted, UdpPorts

LOOPBACK = "127.0.0.1"
FIRST, LAST = 41_300, 41_304


def ports_of(sockets: list[socket.socket]) -> list[int]:
    return [bound.getsockname()[1] for bound in sockets]


def test_without_a_range_the_kernel_chooses() -> None:
    ports = UdpPorts()
    with ports.bind(LOOPBACK) as one, ports.bind(LOOPBACK) as other:
        assert 0 not in ports_of([one, other])
        assert one.getsockname() != other.getsockname()
        assert not one.getblocking()


def test_a_port_that_was_given_up_rests_while_others_are_free() -> None:
    ports = UdpPorts(FIRST, LAST)
    used = []
    for _ in range(7):
        with ports.bind(LOOPBACK) as bound:
            used += ports_of([bound])
    assert used == [*range(FIRST, LAST + 1), FIRST, FIRST + 1]


def test_a_range_that_is_used_up_is_told_of_and_heals() -> None:
    ports = UdpPorts(FIRST, LAST)
    with contextlib.ExitStack() as taken:
        bound = [taken.enter_context(ports.bind(LOOPBACK)) for _ in range(FIRST, LAST + 1)]
        assert sorted(ports_of(bound)) == list(range(FIRST, LAST + 1))
        with pytest.raises(PortsExhausted, match="UDP_PORT_RANGE"):
            ports.bind(LOOPBACK)
        with ports.bind("127.0.0.2") as elsewhere:
            assert FIRST <= elsewhere.getsockname()[1] <= LAST, "each address has its own ports"
        bound[2].close()
        assert ports_of([taken.enter_context(ports.bind(LOOPBACK))]) == [FIRST + 2]


def test_what_others_hold_is_passed_over() -> None:
    ports = UdpPorts(FIRST, LAST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", FIRST))
        with ports.bind(LOOPBACK) as bound:
            assert ports_of([bound]) == [FIRST + 1]


def test_two_gateways_share_a_range_without_a_race() -> None:
    """As two processes would: each with its own position, both at the same moment."""
    count = 100
    start = threading.Barrier(2)

    def take() -> list[socket.socket]:
        ports = UdpPorts(41_400, 41_400 + 2 * count - 1)
        start.wait()
        return [ports.bind(LOOPBACK) for _ in range(count)]

    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as taken:
        bound = [b for half in pool.map(lambda _: take(), range(2)) for b in half]
        for each in bound:
            taken.enter_context(each)
        assert len(set(ports_of(bound))) == 2 * count


def test_an_address_of_another_machine_is_no_matter_of_ports() -> None:
    with pytest.raises(OSError, match="assign requested address") as refused:
        UdpPorts(FIRST, LAST).bind("192.0.2.77")
    assert not isinstance(refused.value, PortsExhausted)


def test_pairs_are_even_and_next_to_each_other() -> None:
    for ports in (UdpPorts(), UdpPorts(FIRST + 1, LAST + 1)):
        rtp, rtcp = ports.bind_pair(LOOPBACK)
        with rtp, rtcp:
            first, second = ports_of([rtp, rtcp])
            assert (first % 2, second) == (0, first + 1)


def test_a_pair_of_which_half_is_taken_is_passed_over() -> None:
    ports = UdpPorts(FIRST, FIRST + 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, FIRST + 1))
        rtp, rtcp = ports.bind_pair(LOOPBACK)
        with rtp, rtcp:
            assert ports_of([rtp]) == [FIRST + 2]
            with pytest.raises(PortsExhausted, match="UDP_PORT_RANGE"):
                ports.bind_pair(LOOPBACK)


def test_pairs_that_were_closed_rest_as_long_as_others_are_free() -> None:
    ports = UdpPorts(FIRST, FIRST + 5)
    used = []

    def take() -> tuple[socket.socket, socket.socket]:
        pair = ports.bind_pair(LOOPBACK)
        used.append(ports_of([pair[0]])[0] - FIRST)
        return pair

    def give_back(pair: tuple[socket.socket, socket.socket]) -> None:
        ports.rest(LOOPBACK, pair[0].getsockname()[1])
        pair[0].close()
        pair[1].close()

    first, second = take(), take()
    give_back(second)
    give_back(first)
    third = take()
    give_back(third)
    assert used == [0, 2, 4]
    for _ in range(3):
        give_back(take())
    assert used[3:] == [2, 0, 4], "the one that rested longest"
