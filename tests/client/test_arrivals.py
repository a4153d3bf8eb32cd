from itertools import pairwise

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from client.python.arrivals import ArrivalOrder, pass_on_arrival


def _passed(order: ArrivalOrder, *numbers: int) -> list[int]:
    """The sequence numbers of the packets that were handed on."""
    passed = []
    for number in numbers:
        packet = RtpPacket(sequence_number=number % 65536, timestamp=number)
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = order.add(packet)
        if frame is not None:
            assert frame.data == b"x"
            passed.append(frame.timestamp)
    return passed


@given(st.integers(0, 65535))
def test_a_packet_is_handed_on_at_once_across_the_wrap(first: int) -> None:
    order = ArrivalOrder()
    for number in range(first, first + 5):
        assert _passed(order, number) == [number]
    assert order.late == 0


def test_a_lost_packet_holds_nothing_up() -> None:
    assert _passed(ArrivalOrder(), 1, 2, 4, 5) == [1, 2, 4, 5]


@given(st.lists(st.integers(100, 160), min_size=1))
def test_order_is_never_turned_back(numbers: list[int]) -> None:
    order = ArrivalOrder()
    passed = _passed(order, *numbers)
    assert all(one < other for one, other in pairwise(passed))
    assert order.late == len(numbers) - len(passed)


async def test_a_receiver_of_this_aiortc_takes_it() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = connection.addTransceiver("audio").receiver
    pass_on_arrival(receiver)
    with pytest.raises(TypeError):
        pass_on_arrival(receiver)
    await connection.close()


def test_another_aiortc_is_noticed() -> None:
    class Moved:
        pass

    with pytest.raises(AttributeError):
        pass_on_arrival(Moved())  # type: ignore[arg-type]
