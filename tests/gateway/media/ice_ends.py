"""An ICE path under test, and the agent at its other end."""

from __future__ import annotations

import asyncio

from aioice import Candidate, Connection

from gateway.core.candidate import IceCandidate
from gateway.media.ice import IcePath
from gateway.media.seams import IceConnection

LOOPBACK = "127.0.0.1"
PATIENCE = 10.0
"""Seconds any wait of these tests may take; they fail then."""


def candidate(address: str = LOOPBACK, port: int = 9, **changes: object) -> IceCandidate:
    fields: dict[str, object] = {
        "foundation": "1",
        "component": 1,
        "transport": "udp",
        "priority": 2_130_706_431,
        "type": "host",
    }
    return IceCandidate(address=address, port=port, **{**fields, **changes})  # type: ignore[arg-type]


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
