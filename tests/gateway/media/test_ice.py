from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aioice import Candidate, stun
from aioice.ice import StunProtocol

from gateway.core.candidate import IceCandidate
from gateway.media import ice
from gateway.media.addresses import MediaAddresses
from gateway.media.ice import IcePath
from gateway.media.seams import MAX_REMOTE_CANDIDATES
from tests.gateway.media.ice_ends import LOOPBACK, PATIENCE, Ends, Inbox, candidate

OWN, FOREIGN = "10.0.0.5", "203.0.113.7"


# -- one path and the peer at its other end


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


# -- signs of life


async def test_the_checks_of_a_peer_are_signs_of_life(ends: Ends) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    before = ends.path.signs_of_life
    assert ends.path.signs_of_life == before
    (pair,) = peer.agent._nominated.values()
    request = peer.agent.build_request(pair, nominate=False)
    key = ends.path.credentials[1].encode()
    await pair.protocol.request(request, pair.remote_addr, integrity_key=key)
    assert ends.path.signs_of_life != before


async def test_what_nobody_signed_is_no_sign_of_life(ends: Ends) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    before = ends.path.signs_of_life
    await peer.agent.send(b"anybody can send this")
    await ends.inbox.until(b"anybody can send this")
    assert ends.path.signs_of_life == before


async def test_a_peer_that_is_asked_answers(ends: Ends) -> None:
    ends.path.ask()  # nobody yet
    await ends.connect(await ends.peer())
    agent = ends.path._open
    assert agent is not None
    before = ends.path.signs_of_life
    ends.path.ask()
    asking = agent._asking
    ends.path.ask()
    assert agent._asking is asking, "one question at a time"
    assert asking is not None
    await asyncio.wait_for(asking, PATIENCE)
    assert ends.path.signs_of_life != before


async def test_a_peer_that_does_not_answer_is_asked_twice(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stun, "RETRY_RTO", 0.02)
    peer = await ends.peer()
    await ends.connect(peer)
    peer.mute()
    sent: list[object] = []
    monkeypatch.setattr(StunProtocol, "send_stun", lambda *what: sent.append(what))
    before = ends.path.signs_of_life
    ends.path.ask()
    assert ends.path._open is not None
    assert ends.path._open._asking is not None
    await asyncio.wait_for(ends.path._open._asking, PATIENCE)
    assert len(sent) == 2
    assert ends.path.signs_of_life == before


async def test_closing_while_the_peer_is_asked(ends: Ends) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    peer.mute()
    ends.path.ask()
    agent = ends.path._open
    await asyncio.sleep(0)
    await ends.path.close()
    assert agent is not None
    agent.ask()
    assert agent._asking is not None
    assert agent._asking.cancelled()


async def test_an_expired_consent_is_told(ends: Ends) -> None:
    assert not ends.path.consents
    await ends.connect(await ends.peer())
    assert ends.path.consents
    assert ends.path._open is not None
    await ends.path._open.close()  # as the agent itself does then
    assert not ends.path.consents
    assert not ends.path.send(b"x")


async def test_a_restart_is_under_way_while_its_checks_run(ends: Ends) -> None:
    peer = await ends.peer()
    await ends.connect(peer)
    assert not ends.path.is_restarting
    before = ends.path.signs_of_life
    await ends.path.restart()
    other = await ends.peer()
    restart = asyncio.create_task(ends.path.connect(*other.credentials))
    await asyncio.sleep(0)
    assert ends.path.is_restarting
    await asyncio.wait_for(asyncio.gather(restart, other.agent.connect()), PATIENCE)
    assert not ends.path.is_restarting
    assert ends.path.signs_of_life != before, "a new path is a sign of life"


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
