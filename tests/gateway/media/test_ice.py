from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aioice import Candidate, Connection
from aioice.ice import StunProtocol

from gateway.core.candidate import IceCandidate
from gateway.media import ice
from gateway.media.addresses import MediaAddresses
from gateway.media.ice import IcePath
from gateway.media.seams import MAX_REMOTE_CANDIDATES, IceConnection

LOOPBACK = "127.0.0.1"
OWN, FOREIGN = "10.0.0.5", "203.0.113.7"
PATIENCE = 10.0


def candidate(address: str = LOOPBACK, port: int = 9, **changes: object) -> IceCandidate:
    fields: dict[str, object] = {
        "foundation": "1",
        "component": 1,
        "transport": "udp",
        "priority": 2_130_706_431,
        "type": "host",
    }
    return IceCandidate(address=address, port=port, **{**fields, **changes})  # type: ignore[arg-type]


# -- one path and the peer at its other end


class Inbox:
    """Datagrams in the order in which they came."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._came = asyncio.Event()

    def put(self, data: bytes) -> None:
        self.received.append(data)
        self._came.set()
        self._came = asyncio.Event()

    async def until(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            while data not in self.received:
                await self._came.wait()


class Peer:
    """A controlling ICE agent, as an offerer is, on loopback."""

    def __init__(self, *, controlling: bool = True) -> None:
        self.inbox = Inbox()
        self.agent: Connection = IceConnection([LOOPBACK], self.inbox.put)
        self.agent.ice_controlling = controlling

    @property
    def credentials(self) -> tuple[str, str]:
        return self.agent.local_username, self.agent.local_password

    @property
    def candidates(self) -> list[IceCandidate]:
        return [candidate(c.host, c.port) for c in self.agent.local_candidates]

    async def take(self, path: IcePath, *, candidates: bool = True) -> None:
        """Gather, and take in what ``path`` announced."""
        await self.agent.gather_candidates()
        self.agent.remote_username, self.agent.remote_password = path.credentials
        for c in path.local_candidates if candidates else ():
            await self.agent.add_remote_candidate(
                Candidate(c.foundation, 1, "udp", c.priority, c.address, c.port, "host")
            )

    def mute(self) -> None:
        """Receive, but say nothing any more."""
        for protocol in self.agent._protocols:
            protocol.transport.sendto = lambda data, addr=None: None  # type: ignore[method-assign]


class Ends:
    """A path and its peers, all closed after the test."""

    def __init__(self, path: IcePath, inbox: Inbox) -> None:
        self.path = path
        self.inbox = inbox
        self._peers: list[Peer] = []

    async def peer(self, *, controlling: bool = True, knows_the_way: bool = True) -> Peer:
        peer = Peer(controlling=controlling)
        self._peers.append(peer)
        await peer.take(self.path, candidates=knows_the_way)
        return peer

    async def connect(self, peer: Peer) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(peer.agent.connect(), self.path.connect(*peer.credentials))

    async def close(self) -> None:
        await self.path.close()
        for peer in self._peers:
            await peer.agent.close()


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    inbox = Inbox()
    path = IcePath(MediaAddresses((LOOPBACK,)), [], inbox.put)
    await path.gather()
    made = Ends(path, inbox)
    yield made
    await made.close()


async def test_a_public_address_is_announced_for_host_candidates_alone() -> None:
    path = IcePath(MediaAddresses((OWN,), {4: FOREIGN}), [], lambda data: None)
    host = Candidate("1", 1, "udp", 1, OWN, 5004, "host")
    reflexive = Candidate("2", 1, "udp", 1, "198.51.100.1", 5004, "srflx", OWN, 5004)
    assert path._announced(host) == candidate(FOREIGN, 5004, priority=1)
    announced = path._announced(reflexive)
    assert (announced.address, announced.type) == ("198.51.100.1", "srflx")
    assert (announced.related_address, announced.related_port) == (OWN, 5004)
    await path.close()


@pytest.mark.parametrize(
    "useless",
    [
        candidate("0b1c2d3e-aaaa.local"),
        candidate("example.com"),
        candidate("999.1.2.3"),
        candidate(transport="tcp", tcp_type="active"),
        candidate(component=2),
        candidate(port=0),
        candidate("0.0.0.0"),
        candidate("224.0.0.251"),
        candidate("192.0.2.1"),
        candidate(type="nonsense"),
    ],
    ids=lambda c: f"{c.address}-{c.transport}-{c.port}-{c.type}",
)
async def test_a_candidate_that_cannot_help_is_dropped(ends: Ends, useless: IceCandidate) -> None:
    await ends.path.add_remote_candidate(useless)
    assert ends.path._newest.remote_candidates == []
    await ends.path.add_remote_candidate(candidate(transport="UDP"))
    assert len(ends.path._newest.remote_candidates) == 1


@pytest.mark.parametrize(
    ("bind", "servers", "address", "kept"),
    [
        (LOOPBACK, [], OWN, False),
        (LOOPBACK, [{"urls": "turn:127.0.0.1"}], OWN, True),
        (LOOPBACK, [{"urls": "stun:127.0.0.1"}], OWN, False),
        (OWN, [], "203.0.113.9", True),
        (OWN, [], "fe80::1", False),
        (OWN, [], "2001:db8::1", True),
    ],
)
async def test_a_candidate_that_no_socket_reaches_is_dropped(
    bind: str, servers: list[dict[str, str]], address: str, kept: bool
) -> None:
    path = IcePath(MediaAddresses((bind,)), servers, lambda data: None)
    await path.add_remote_candidate(candidate(address))
    assert [c.host for c in path._newest.remote_candidates] == [address] * kept
    await path.close()


async def test_only_so_many_candidates_are_kept(ends: Ends) -> None:
    for port in range(1000, 1200):
        await ends.path.add_remote_candidate(candidate(port=port))
    assert len(ends.path._newest.remote_candidates) == MAX_REMOTE_CANDIDATES


async def test_datagrams_pass_both_ways(ends: Ends) -> None:
    assert not ends.path.send(b"too early")
    assert not ends.path.is_open
    peer = await ends.peer()
    for c in peer.candidates:
        await ends.path.add_remote_candidate(c)
    await ends.connect(peer)
    assert ends.path.is_open
    assert ends.path.send(b"down")
    await peer.agent.send(b"up")
    await ends.inbox.until(b"up")
    await peer.inbox.until(b"down")


async def test_a_peer_that_names_no_address_is_learnt_from_its_checks(ends: Ends) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    await peer.agent.send(b"hidden")
    await ends.inbox.until(b"hidden")


async def test_a_lite_peer_is_led(ends: Ends) -> None:
    peer = await ends.peer(controlling=False, knows_the_way=False)
    for c in peer.candidates:
        await ends.path.add_remote_candidate(c)
    # It answers checks and begins none of its own, and will not be talked into the other role.
    peer.agent._tie_breaker = 2**64 - 1
    async with asyncio.timeout(PATIENCE):
        await ends.path.connect(*peer.credentials, remote_is_lite=True)
    assert ends.path.send(b"down")


async def test_a_path_that_nothing_opens_fails_in_time(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice, "CONNECT_TIMEOUT", 0.05)
    with pytest.raises(ConnectionError, match="no ICE candidate pair worked"):
        await ends.path.connect("ufrag", "p" * 22)
    assert not ends.path.is_open


async def test_a_restart_keeps_the_old_path_until_the_new_one_works(ends: Ends) -> None:
    first = await ends.peer()
    await ends.connect(first)
    credentials = ends.path.credentials
    await ends.path.restart()
    assert ends.path.credentials != credentials
    second = await ends.peer()

    await first.agent.send(b"still the old way")
    await ends.inbox.until(b"still the old way")
    assert ends.path.send(b"and back")

    await ends.connect(second)
    assert ends.path.send(b"the new way")
    await second.inbox.until(b"the new way")
    assert first.inbox.received == [b"and back"]
    assert len(ends.path._agents) == 1, "the old path is closed"


async def test_a_restart_that_fails_leaves_the_old_path(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    await ends.path.restart()
    monkeypatch.setattr(ice, "CONNECT_TIMEOUT", 0.05)
    with pytest.raises(ConnectionError):
        await ends.path.connect("ufrag", "p" * 22)
    assert ends.path.send(b"still there")
    await peer.agent.send(b"so am I")
    await ends.inbox.until(b"so am I")


async def test_a_restart_before_the_first_path_gives_it_up(ends: Ends) -> None:
    first = asyncio.create_task(ends.path.connect("gone", "p" * 22))
    await asyncio.sleep(0)
    await ends.path.restart()
    with pytest.raises(ConnectionError):
        await first
    await ends.connect(await ends.peer())
    assert ends.path.is_open
    assert len(ends.path._agents) == 1


# -- losing it


@pytest.fixture
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "LISTENING_TURN", 0.02)


async def test_a_peer_that_falls_silent_is_lost(ends: Ends, quick_turns: None) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    peer.mute()
    async with asyncio.timeout(PATIENCE):
        assert "nothing came" in await ends.path.wait_lost(3)


async def test_a_peer_that_says_anything_is_there(ends: Ends, quick_turns: None) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    lost = asyncio.create_task(ends.path.wait_lost(3))
    for n in range(10):
        await peer.agent.send(b"anything %d" % n)
        await asyncio.wait([lost], timeout=0.02)
        assert not lost.done()
    peer.mute()
    async with asyncio.timeout(PATIENCE):
        await lost


async def test_a_peer_is_not_given_up_while_a_restart_may_help(
    ends: Ends, quick_turns: None
) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    peer.mute()
    await ends.path.restart()
    restart = asyncio.create_task(ends.path.connect("ufrag", "p" * 22))
    lost = asyncio.create_task(ends.path.wait_lost(3))
    await asyncio.wait([lost], timeout=0.3)
    assert not lost.done()
    restart.cancel()
    async with asyncio.timeout(PATIENCE):
        assert "nothing came" in await lost


async def test_an_expired_consent_ends_the_path(ends: Ends, quick_turns: None) -> None:
    await ends.connect(await ends.peer())
    lost = asyncio.create_task(ends.path.wait_lost(1000))
    assert ends.path._open is not None
    await ends.path._open.close()  # as the agent itself does then
    async with asyncio.timeout(PATIENCE):
        assert "consent" in await lost
    assert not ends.path.send(b"x")


# -- closing; the leak check of every test says whether it left anything


async def test_closing_while_gathering() -> None:
    path = IcePath(MediaAddresses((LOOPBACK,)), [], lambda data: None)
    gathering = asyncio.create_task(path.gather())
    await asyncio.sleep(0)
    await path.close()
    await gathering


async def test_closing_while_connecting(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    await ends.path.add_remote_candidate(candidate(port=9))
    checking = asyncio.Event()
    monkeypatch.setattr(StunProtocol, "send_stun", lambda *args: checking.set())
    connecting = asyncio.create_task(ends.path.connect("ufrag", "p" * 22))
    await checking.wait()
    await ends.path.close()
    with pytest.raises(ConnectionError):
        await connecting


async def test_closing_in_the_middle_of_a_restart(ends: Ends) -> None:
    await ends.connect(await ends.peer())
    restarting = asyncio.create_task(ends.path.restart())
    await asyncio.sleep(0)
    await ends.path.close()
    await restarting
    assert not ends.path.send(b"x")


async def test_closing_while_an_unopened_path_is_given_up(ends: Ends) -> None:
    restarting = asyncio.create_task(ends.path.restart())
    await asyncio.sleep(0)
    await ends.path.close()
    await restarting
    assert ends.path.local_candidates == ()


async def test_a_close_that_was_cancelled_can_be_done_again(ends: Ends) -> None:
    await ends.connect(await ends.peer())
    await ends.path.restart()
    closing = asyncio.create_task(ends.path.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    await ends.path.close()
    assert ends.path._agents == set()
