"""The ICE path of one leg: gathering, trickled candidates, connectivity, restart (RFC 8445, RFC
8838).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.core.candidate import IceCandidate
from gateway.media.seams import Candidate, IceConnection, host_addresses, ice_options

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 20.0
"""Seconds until a path that no check has opened counts as failed."""

MAX_REMOTE_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class MediaAddresses:
    """Where media sockets are bound, and what is announced for them.

    ``public`` maps an IP version (4 or 6) to the address announced in its place: the outer side of
    a 1:1 NAT, or a container's host.
    """

    bind: tuple[str, ...]
    public: dict[int, str] = field(default_factory=dict)

    @classmethod
    def choose(cls, public_addresses: Sequence[str], local_only: bool) -> MediaAddresses:
        """Addresses for the setting ``PUBLIC_ADDRESS``.

        :param public_addresses: one of this machine's own addresses is bound itself (which is how
            loopback is asked for); any other is announced in place of the machine's own.
        :param local_only: the gateway listens on loopback only, so loopback is offered as well.
        """
        own = host_addresses()
        bindable = [a for a in public_addresses if a in own or ipaddress.ip_address(a).is_loopback]
        if bindable:
            return cls(tuple(bindable))
        public: dict[int, str] = {ipaddress.ip_address(a).version: a for a in public_addresses}
        if local_only or not own:
            own = [*own, "127.0.0.1"]
        return cls(tuple(own), public)

    @property
    def loopback_only(self) -> bool:
        return all(ipaddress.ip_address(a).is_loopback for a in self.bind)


class IcePath:
    """The way to one peer; across ICE restarts, the newest way that works.

    :param servers: STUN and TURN servers (W3C ``RTCIceServer`` dictionaries); none is asked unless
        listed.
    :param on_datagram: called with each datagram that is not STUN.
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
        self._current = self._agent()
        self._next: IceConnection | None = None

    def _agent(self) -> IceConnection:
        return IceConnection(self._addresses.bind, self._on_datagram, **self._options)

    async def gather(self) -> None:
        """Gather candidates for the first description."""
        await self._current.gather_candidates()

    async def restart(self) -> None:
        """Gather anew under fresh credentials; the old path carries media until the new one
        connects.
        """
        if self._next is not None:
            await self._next.close()
        self._next = self._agent()
        await self._next.gather_candidates()

    @property
    def _newest(self) -> IceConnection:
        return self._next or self._current

    @property
    def credentials(self) -> tuple[str, str]:
        """``ice-ufrag`` and ``ice-pwd`` to be announced."""
        return self._newest.local_username, self._newest.local_password

    @property
    def local_candidates(self) -> tuple[IceCandidate, ...]:
        """Candidates to be announced, public addresses in place of private ones."""
        return tuple(self._announced(c) for c in self._newest.local_candidates)

    def _announced(self, candidate: Candidate) -> IceCandidate:
        host = candidate.host
        if candidate.type == "host" and self._addresses.public:
            version = ipaddress.ip_address(host).version
            host = self._addresses.public.get(version, host)
        return IceCandidate(
            foundation=candidate.foundation,
            component=candidate.component,
            transport=candidate.transport,
            priority=candidate.priority,
            address=host,
            port=candidate.port,
            type=candidate.type,
            related_address=candidate.related_address,
            related_port=candidate.related_port,
        )

    async def add_remote_candidate(self, candidate: IceCandidate) -> None:
        """Add a trickled candidate; those that cannot help are dropped without a word to the peer.

        ``.local`` names would be resolved for a second each and are learnt as peer-reflexive
        anyway; TCP is not spoken; a socket on loopback reaches nothing else.
        """
        agent = self._newest
        if candidate.is_mdns or candidate.transport.lower() != "udp" or candidate.component != 1:
            return
        if len(agent.remote_candidates) >= MAX_REMOTE_CANDIDATES:
            return
        try:
            address = ipaddress.ip_address(candidate.address)
        except ValueError:
            return
        if self._addresses.loopback_only and not address.is_loopback:
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

    async def connect(self, ufrag: str, password: str, *, remote_is_lite: bool = False) -> None:
        """Run connectivity checks until a pair is nominated.

        End-of-candidates is never passed on: a browser that hides its addresses is learnt as
        peer-reflexive from its own checks, which a list declared complete would not wait for.

        :raises ConnectionError: no pair worked within :data:`CONNECT_TIMEOUT` seconds.
        """
        agent = self._newest
        agent.remote_username, agent.remote_password = ufrag, password
        agent.remote_is_lite = remote_is_lite
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await agent.connect()
        except TimeoutError:
            raise ConnectionError("no ICE candidate pair worked") from None
        if agent is self._next:
            old, self._current, self._next = self._current, agent, None
            await old.close()
        log.debug("ice connected", route=agent.route)

    async def wait_lost(self) -> None:
        """Return when the path in use is closed or lost the peer's consent, and no newer one
        replaced it.
        """
        while True:
            agent = self._current
            await agent.wait_closed()
            if agent is self._current:
                return

    async def wait_silent(self, seconds: int) -> None:
        """Return when nothing at all has come from the peer for ``seconds``.

        Time is counted in turns of one second, not on the clock: while this process stands still
        the peer's datagrams wait in the socket, and it must not be taken for gone.
        """
        silent, seen = 0, -1
        while silent < seconds:
            await asyncio.sleep(1.0)
            silent = 0 if self._current.datagrams != seen else silent + 1
            seen = self._current.datagrams

    def send(self, data: bytes) -> bool:
        """Send one datagram now; False when no pair is nominated."""
        return self._current.send_now(data)

    async def close(self) -> None:
        for agent in (self._next, self._current):
            if agent is not None:
                await agent.close()
