from __future__ import annotations

import pytest

from gateway.media.addresses import MediaAddresses
from gateway.media.ports import PortsExhausted, UdpPorts
from gateway.media.rtp_sockets import RtpSockets, can_reach, local_address
from tests.gateway.media.peers import LOOPBACK, LOOPBACK_6, needs_ipv6
from tests.gateway.media.phones import Wire

FIRST = 41_320


@pytest.mark.parametrize("address", [LOOPBACK, pytest.param(LOOPBACK_6, marks=needs_ipv6)])
async def test_both_ports_send_and_receive(address: str) -> None:
    came: list[tuple[str, bytes, int]] = []
    sockets = RtpSockets(
        MediaAddresses((address,)),
        address,
        lambda data, source: came.append(("rtp", data, source[1])),
        lambda data, source: came.append(("rtcp", data, source[1])),
    )
    await sockets.open()
    peer = await Wire.open(address)
    try:
        sockets.send(b"one", (address, peer.port))
        sockets.send_rtcp(b"two", (address, peer.port))
        await peer.until(2)
        assert peer.datagrams == [
            (b"one", (address, sockets.port)),
            (b"two", (address, sockets.port + 1)),
        ]
        peer.transport.sendto(b"three", (address, sockets.port))
        peer.transport.sendto(b"four", (address, sockets.port + 1))
        # What comes back from the peer itself tells that both came.
        peer.transport.sendto(b"end", (address, peer.port))
        await peer.until(3)
        assert came == [("rtp", b"three", peer.port), ("rtcp", b"four", peer.port)]
    finally:
        await sockets.close()
        await sockets.close()
        await peer.close()


async def test_closed_ports_rest_and_are_free() -> None:
    addresses = MediaAddresses((LOOPBACK,), ports=UdpPorts(FIRST, FIRST + 3))
    ports = []
    for _ in range(3):
        sockets = RtpSockets(addresses, LOOPBACK, lambda *_: None, lambda *_: None)
        ports.append(sockets.port)
        await sockets.close()  # Without having been opened.
    assert ports == [FIRST, FIRST + 2, FIRST]
    first = RtpSockets(addresses, LOOPBACK, lambda *_: None, lambda *_: None)
    second = RtpSockets(addresses, LOOPBACK, lambda *_: None, lambda *_: None)
    with pytest.raises(PortsExhausted):
        RtpSockets(addresses, LOOPBACK, lambda *_: None, lambda *_: None)
    await first.close()
    await second.close()


@pytest.mark.parametrize(
    ("bind", "peer", "chosen"),
    [
        (("10.9.8.7", LOOPBACK), LOOPBACK, LOOPBACK),
        (("10.9.8.7", LOOPBACK), "127.0.0.5", LOOPBACK),
        ((LOOPBACK, "10.9.8.7"), "198.51.100.1", "10.9.8.7"),
        (("2001:db8::7", "10.9.8.7"), None, "10.9.8.7"),
        (("10.9.8.7", "2001:db8::7"), "2001:db8::1", "2001:db8::7"),
        (("10.9.8.7",), "2001:db8::1", "10.9.8.7"),
    ],
)
def test_the_local_address(bind: tuple[str, ...], peer: str | None, chosen: str) -> None:
    assert local_address(MediaAddresses(bind), peer) == chosen


@pytest.mark.parametrize(
    ("bound", "target", "can"),
    [
        ("10.9.8.7", "192.0.2.1", True),
        ("10.9.8.7", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.9.8.7", "2001:db8::1", False),
        ("2001:db8::7", "::1", False),
    ],
)
def test_the_machines_own_loopback_is_not_reached_from_outside(
    bound: str, target: str, can: bool
) -> None:
    assert can_reach(bound, target) is can
