"""Where an ICE agent's candidates come from: sockets that are bound here (RFC 8445 §5.1.1).

aioice binds to every address but loopback, on any port. Which addresses and ports media may use is
for the operator to say, so the sockets, the TURN client's among them, are opened here.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, server_reflexive_candidate
from aioice.stun import TransactionError

from gateway.media.media_first import MediaFirst
from gateway.media.ports import PortsExhausted, UdpPorts
from gateway.media.relay import Relay, TurnServer

log = structlog.get_logger(__name__)

_MOST_PREFERRED = 65_535


class GatheringConnection(Connection):
    """An ICE agent on given local addresses, in the order in which they are preferred.

    :param addresses: local IP addresses to bind; one host candidate each.
    :param on_datagram: called on the event loop with DTLS, SRTP and SRTCP datagrams as they arrive.
    :param ports: that may be bound.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        on_datagram: Callable[[bytes], None],
        ports: UdpPorts,
        **options: Any,
    ) -> None:
        super().__init__(ice_controlling=False, **options)
        self._on_datagram = on_datagram
        self._bind_addresses = tuple(addresses)
        self._ports = ports
        self.out_of_ports = False
        """Whether a candidate is missing because no port was free."""

    def data_received(self, data: bytes, component: int) -> None:
        if data:
            self._on_datagram(data)

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[Candidate]:
        hosts = []
        for preference, address in enumerate(self._bind_addresses):
            protocol = await self._listen(component, address, _MOST_PREFERRED - preference)
            if protocol is not None:
                hosts.append(protocol)
        self._protocols += hosts
        asked = [self._reflexive(host) for host in hosts if self._is_seen_by_stun(host)]
        if self.turn_server is not None:
            asked.append(self._relayed(component))
        answers = await asyncio.gather(*(self._ask(asking, timeout) for asking in asked))
        return [host.local_candidate for host in hosts] + [c for c in answers if c is not None]

    async def _listen(self, component: int, address: str, preference: int) -> StunProtocol | None:
        """A host candidate's socket, or None where none can be bound."""
        try:
            bound = self._ports.bind(address)
        except PortsExhausted:
            self.out_of_ports = True
            log.warning("no port of UDP_PORT_RANGE is free", address=address)
            return None
        except OSError as error:
            # An address may go while the gateway runs.
            log.warning("cannot bind for media", address=address, reason=error.strerror)
            return None
        port = bound.getsockname()[1]
        protocol = StunProtocol(self)
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(
            lambda: MediaFirst(protocol, self._on_datagram), sock=bound
        )
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host", preference),
            host=address,
            port=port,
            type="host",
        )
        return protocol

    def _is_seen_by_stun(self, host: StunProtocol) -> bool:
        """Whether asking a STUN server what it sees of a socket can be answered: aioice asks over
        IPv4 only, and from loopback nothing leaves this machine.
        """
        address = ipaddress.ip_address(host.local_candidate.host)
        return self.stun_server is not None and address.version == 4 and not address.is_loopback

    async def _reflexive(self, host: StunProtocol) -> Candidate:
        assert self.stun_server is not None
        candidate, _ = await server_reflexive_candidate(host, self.stun_server)
        return candidate

    async def _relayed(self, component: int) -> Candidate:
        assert self.turn_server is not None
        server = TurnServer(
            *self.turn_server,
            username=self.turn_username,
            password=self.turn_password,
            transport=self.turn_transport,
            tls=self.turn_ssl,
        )
        protocol = StunProtocol(self)
        relay = await Relay.allocate(server, self._ports, protocol)
        address, port = relay.get_extra_info("sockname")
        related_address, related_port = relay.get_extra_info("related_address")
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("relay", "udp", address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "relay"),
            host=address,
            port=port,
            type="relay",
            related_address=related_address,
            related_port=related_port,
        )
        self._protocols.append(protocol)
        return protocol.local_candidate

    async def _ask(
        self, asking: Coroutine[Any, Any, Candidate], timeout: float
    ) -> Candidate | None:
        """A server's candidate; a server that fails costs no more than that."""
        try:
            async with asyncio.timeout(timeout):
                return await asking
        except PortsExhausted:
            self.out_of_ports = True
            reason = "no port of UDP_PORT_RANGE is free"
        except TimeoutError:
            reason = f"no answer within {timeout} s"
        except (OSError, TransactionError, LookupError) as error:
            reason = str(error)
        log.warning("no candidate from a server of ICE_SERVERS", reason=reason)
        return None
