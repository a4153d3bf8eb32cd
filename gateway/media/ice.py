"""The ICE path of one leg: gathering, trickled candidates, connectivity, restart (RFC 8445, RFC
8838).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import structlog

from gateway.core.candidate import IceCandidate
from gateway.core.sdp import SdpError
from gateway.media.addresses import MediaAddresses
from gateway.media.ice_servers import ice_options
from gateway.media.seams import MAX_REMOTE_CANDIDATES, Candidate, IceConnection

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 20.0
"""Seconds until a path that no check has opened counts as failed."""


class IcePath:
    """The way to one peer; across ICE restarts, the newest way that works.

    Each ICE generation is an agent of its own. The newest is the one last described to the peer;
    the open one carries media, until a newer one connects.

    :param servers: STUN and TURN servers (W3C ``RTCIceServer`` dictionaries); none is asked unless
        listed.
    :param on_datagram: called with each datagram that is not STUN.
    :raises ValueError: a server's URL cannot be read.
    """

    def __init__(
        self,
        addresses: MediaAddresses,
        servers: Sequence[Mapping[str, Any]],
        on_datagram: Callable[[bytes], None],
    ) -> None:
        self._addresses = addresses
        self._options = ice_options(servers)
        self._on_datagram = on_datagram
        self._agents: set[IceConnection] = set()
        self._newest = self._agent()
        self._open: IceConnection | None = None
        self._checking: IceConnection | None = None

    def _agent(self) -> IceConnection:
        addresses = self._addresses
        agent = IceConnection(addresses.bind, self._on_datagram, addresses.ports, **self._options)
        self._agents.add(agent)
        return agent

    async def gather(self) -> None:
        """Gather candidates for the first description.

        :raises SdpError: no port of ``UDP_PORT_RANGE`` is free.
        """
        await self._gather(self._newest)

    async def restart(self) -> None:
        """Gather anew under fresh credentials; an open path carries media until the new one
        connects, one that was not open yet is given up.

        :raises SdpError: no port of ``UDP_PORT_RANGE`` is free; a path that was open stays.
        """
        old, self._newest = self._newest, self._agent()
        if old is not self._open:
            await self._drop(old)
        try:
            await self._gather(self._newest)
        except SdpError:
            if self._open is not None:
                failed, self._newest = self._newest, self._open
                await self._drop(failed)
            raise

    async def _gather(self, agent: IceConnection) -> None:
        await agent.gather()
        if agent.out_of_ports and not agent.closed and not agent.local_candidates:
            raise SdpError("the gateway has no free port for media: UDP_PORT_RANGE is used up")

    @property
    def is_open(self) -> bool:
        """Whether a pair was ever nominated; a path that was lost is still called open."""
        return self._open is not None

    @property
    def credentials(self) -> tuple[str, str]:
        """``ice-ufrag`` and ``ice-pwd`` to be announced."""
        return self._newest.local_username, self._newest.local_password

    @property
    def local_candidates(self) -> tuple[IceCandidate, ...]:
        """Candidates to be announced, public addresses in place of private ones."""
        return tuple(self._announced(c) for c in self._newest.local_candidates)

    def _announced(self, candidate: Candidate) -> IceCandidate:
        is_host = candidate.type == "host"
        return IceCandidate(
            foundation=candidate.foundation,
            component=candidate.component,
            transport=candidate.transport,
            priority=candidate.priority,
            address=self._addresses.announced(candidate.host) if is_host else candidate.host,
            port=candidate.port,
            type=candidate.type,
            related_address=candidate.related_address,
            related_port=candidate.related_port,
        )

    async def add_remote_candidate(self, candidate: IceCandidate) -> None:
        """Add a candidate of the newest description; those that cannot help are dropped without a
        word to the peer.

        ``.local`` names would be resolved for a second each and are learnt as peer-reflexive
        anyway; TCP is not spoken; a socket on loopback reaches nothing else; an IPv6 link-local
        address means nothing without an interface.
        """
        agent = self._newest
        if candidate.transport.lower() != "udp" or candidate.component != 1 or not candidate.port:
            return
        if len(agent.remote_candidates) >= MAX_REMOTE_CANDIDATES:
            return
        try:
            address = ipaddress.ip_address(candidate.address)
        except ValueError:
            return
        if address.is_unspecified or address.is_multicast:
            return
        if address.version == 6 and address.is_link_local:
            return
        if self._reaches_loopback_only and not address.is_loopback:
            return
        await agent.add_remote_candidate(
            Candidate(
                foundation=candidate.foundation,
                component=1,
                transport="udp",
                priority=candidate.priority,
                host=str(address),
                port=candidate.port,
                type=candidate.type,
                related_address=candidate.related_address,
                related_port=candidate.related_port,
            )
        )

    @property
    def _reaches_loopback_only(self) -> bool:
        return self._addresses.loopback_only and "turn_server" not in self._options

    async def connect(
        self,
        ufrag: str,
        password: str,
        *,
        controlling: bool = False,
        remote_is_lite: bool = False,
    ) -> None:
        """Run the newest agent's connectivity checks until a pair is nominated; it is open then.

        End-of-candidates is never passed on: a browser that hides its addresses is learnt as
        peer-reflexive from its own checks, which a list declared complete would not wait for.

        :param controlling: this side nominates; it does in any case if the remote is lite (RFC 8445
            §6.1.1).
        :param remote_is_lite: the peer only answers checks.
        :raises ConnectionError: no pair worked within :data:`CONNECT_TIMEOUT` seconds, or a restart
            or :meth:`close` ended the attempt. A path that was open stays.
        """
        agent = self._newest
        agent.remote_username, agent.remote_password = ufrag, password
        agent.ice_controlling = controlling or remote_is_lite
        agent.remote_is_lite = remote_is_lite
        self._checking = agent
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await agent.connect()
        except TimeoutError:
            raise ConnectionError("no ICE candidate pair worked") from None
        finally:
            if self._checking is agent:
                self._checking = None
        old, self._open = self._open, agent
        log.debug("ice connected", route=agent.route)
        if old is not None:
            await self._drop(old)

    @property
    def signs_of_life(self) -> Hashable:
        """Differs from what it was if the peer was heard on the open path in between: it sent a
        check, it answered one of ours, or the path is a new one.
        """
        return self._open, self._open.heard if self._open else 0

    @property
    def consents(self) -> bool:
        """Whether the peer lets us send to it on the open path (RFC 7675)."""
        return self._open is not None and not self._open.closed

    @property
    def is_restarting(self) -> bool:
        """Whether checks are under way that may open a new path."""
        return self._checking is not None

    def ask(self) -> None:
        """Ask the peer for a sign of life on the open path."""
        if self._open is not None:
            self._open.ask()

    def send(self, data: bytes) -> bool:
        """Send one datagram now; False when no pair is nominated."""
        return self._open is not None and self._open.send_now(data)

    async def close(self) -> None:
        """Close every socket; an offer or connection attempt under way fails."""
        for agent in tuple(self._agents):
            await self._drop(agent)

    async def _drop(self, agent: IceConnection) -> None:
        await agent.close()
        self._agents.discard(agent)
