"""The way to a server that we send requests to: a connection on demand, or our UDP socket."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.sip_settings import Transport
from signaling.sip.resolver import Hop, Resolver, Unreachable
from signaling.sip.transaction import Flow
from signaling.sip.transport import Listeners, OutboundFlow, UdpFlow, host_port

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection, with its TLS handshake."""

IDLE: Final = 120.0
"""Seconds without a message after which a connection is closed that nobody needs."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom a link leads to.

    :ivar host: a name, or an address without brackets.
    :ivar port: None: by SRV, or the default.
    :ivar tls: what its certificate is checked with.
    """

    transport: Transport
    host: str
    port: int | None = None
    tls: ssl.SSLContext | None = None


class Link:
    """The way to one server.

    :param is_needed: whether a connection has to stay although nothing is said on it.
    """

    def __init__(
        self,
        server: Server,
        listeners: Listeners,
        resolver: Resolver,
        is_needed: Callable[[Flow], bool] = lambda flow: False,
    ) -> None:
        self._server = server
        self._listeners = listeners
        self._resolver = resolver
        self._is_needed = is_needed
        self._loop = asyncio.get_running_loop()
        self._opening = asyncio.Lock()
        self._hop: Hop | None = None
        self._avoided: set[Hop] = set()
        self._look: asyncio.TimerHandle | None = None
        self._flow: OutboundFlow | UdpFlow | None = None

    async def open(self) -> OutboundFlow | UdpFlow:
        """A way to the server: the connection that is there, or another.

        :raises Unreachable: there is none.
        """
        async with self._opening:
            if isinstance(self._flow, OutboundFlow) and self._flow.is_open:
                return self._flow
            server = self._server
            hops = await self._resolver.resolve(server.transport, server.host, server.port)
            if self._avoided.issuperset(hops):
                self._avoided.clear()
            failed = ""
            for hop in sorted(hops, key=self._avoided.__contains__):
                try:
                    self._flow = await self._reach(hop)
                except OSError as error:  # a TimeoutError and an SSLError are one
                    self._avoided.add(hop)
                    failed = f"{host_port(hop.address, hop.port)}: {_reason(error)}"
                    continue
                self._hop = hop
                self._stop_looking()
                self._look_later(IDLE)
                return self._flow
            raise Unreachable(failed)

    async def _reach(self, hop: Hop) -> OutboundFlow | UdpFlow:
        if hop.transport == "udp":
            flow = self._listeners.datagrams_to(hop.address, hop.port)
            if flow is None:
                raise OSError("no udp address of SIP_LISTEN is of this IP version")
            return flow
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await self._listeners.connect(hop, self._server.tls)

    def avoid(self) -> None:
        """Who is at the end of this way does not answer: close it, and try another first."""
        if self._hop is not None:
            self._avoided.add(self._hop)
        self.close()

    def close(self) -> None:
        """Once what was sent is on its way."""
        self._stop_looking()
        if isinstance(self._flow, OutboundFlow):
            self._flow.close()
        self._flow = None

    def _look_later(self, seconds: float) -> None:
        if isinstance(self._flow, OutboundFlow):
            self._look = self._loop.call_later(seconds, self._close_idle, self._flow)

    def _close_idle(self, flow: OutboundFlow) -> None:
        left = flow.used_at + IDLE - self._loop.time()
        if not flow.is_open:
            return
        if left <= 0 and not self._is_needed(flow):
            self.close()
        else:
            self._look_later(left if left > 0 else IDLE)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is no good: {error.verify_message}".rstrip(": ")
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason}"
    if isinstance(error, TimeoutError):
        return "no answer"
    return os.strerror(error.errno).lower() if error.errno else str(error)
