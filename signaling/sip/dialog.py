"""What two ends of a call know of each other, as the callee has it (RFC 3261 §12)."""

from __future__ import annotations

import secrets
from typing import Final

from sipmessage import URI

from signaling.sip.message import (
    MAX_URI,
    Malformed,
    Request,
    addresses,
    options,
    request,
)
from signaling.sip.transaction import Flow

DialogId = tuple[str, str, str]
"""Call-ID, our tag, the peer's tag."""

MAX_ROUTES: Final = 16

_VIA_TRANSPORTS: Final = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "ws": "WS", "wss": "WSS"}


def contact(flow: Flow) -> str:
    """Our address in a dialog whose messages go by ``flow``."""
    if flow.transport == "udp":
        return f"<sip:agent@{flow.local}>"
    # RFC 7118 §5.2.2 has one name for WebSockets, secure or not.
    transport = flow.transport.replace("wss", "ws")
    return f"<sip:agent@{flow.local};transport={transport}>"


class Dialog:
    """Made by an INVITE that begins a call.

    Requests of ours go by the flow that the peer's last one came by: behind a NAT there is no
    other way, and a proxy that recorded its route is at the end of it.

    :raises Malformed: Contact or Record-Route is missing or cannot be read.
    """

    def __init__(self, invite: Request, flow: Flow) -> None:
        self.local_tag = secrets.token_hex(8)
        self.flow = flow
        self.call_id = invite.call_id
        self.remote_tag = invite.from_tag
        self.target = _target(invite)
        self.peer_allows = options(invite.headers, "Allow")
        """Methods, in lower case."""
        self._routes = tuple(_routes(invite))
        self._local = f"{invite.headers['To']};tag={self.local_tag}"
        self._remote = invite.headers["From"]
        self._remote_cseq = invite.cseq
        self._local_cseq = secrets.randbelow(2**16)

    @property
    def id(self) -> DialogId:
        return (self.call_id, self.local_tag, self.remote_tag)

    def admit(self, asked: Request, flow: Flow) -> bool:
        """Whether a request is in order (RFC 3261 §12.2.2); its sender is there now."""
        if asked.cseq <= self._remote_cseq:
            return False
        self._remote_cseq = asked.cseq
        self.flow = flow
        return True

    def refresh(self, invite: Request) -> None:
        """Take the target of a request that may change it.

        :raises Malformed: its Contact cannot be read.
        """
        self.target = _target(invite)
        self.peer_allows = options(invite.headers, "Allow") or self.peer_allows

    @property
    def local_cseq(self) -> int:
        """Of the last request of ours."""
        return self._local_cseq

    @property
    def local_uri(self) -> str:
        """Who we are in this call."""
        return str(addresses(self._local)[0].uri)

    @property
    def remote_domain(self) -> str:
        """Whose numbers the peer means: host and port of its own address, or of where it is if it
        says no more (RFC 3323 §4.1.1.3).
        """
        names = (str(addresses(self._remote)[0].uri), self.target)
        hosts = [uri.partition(":")[2].rpartition("@")[2].partition(";")[0] for uri in names]
        return next((host for host in hosts if host and not host.endswith(".invalid")), hosts[-1])

    def request(
        self,
        method: str,
        branch: str,
        extra: tuple[tuple[str, str], ...] = (),
        body: str = "",
        kind: str = "application/sdp",
    ) -> bytes:
        """A request of ours within the dialog (RFC 3261 §12.2.1.1)."""
        self._local_cseq += 1
        target, routes = self.target, self._routes
        if routes and ";lr" not in routes[0].lower():
            # A strict router wants itself in the Request-URI, and the target last.
            (first,) = addresses(routes[0])
            target, routes = str(first.uri), (*routes[1:], f"<{self.target}>")
        via = f"SIP/2.0/{_VIA_TRANSPORTS[self.flow.transport]} {self.flow.local}"
        headers = [
            ("Via", f"{via};branch={branch};rport"),
            *(("Route", route) for route in routes),
            ("Max-Forwards", "70"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._local_cseq} {method}"),
            *extra,
        ]
        return request(method, target, tuple(headers), body, kind)


def _target(invite: Request) -> str:
    try:
        found = addresses(invite.headers["Contact"])
    except (ValueError, TypeError, KeyError):
        raise Malformed("Contact is missing or cannot be read", 400, invite.headers) from None
    target = str(found[0].uri) if found else ""
    if not 0 < len(target) <= MAX_URI:
        raise Malformed("Contact is not an address", 400, invite.headers)
    return target


def _routes(invite: Request) -> list[str]:
    """Record-Route in order, as they came: the callee's route set (RFC 3261 §12.1.1)."""
    values = invite.headers.getlist("Record-Route")
    try:
        routes = [str(route) for value in values for route in addresses(value)]
    except (ValueError, TypeError):
        raise Malformed("Record-Route cannot be read", 400, invite.headers) from None
    if len(routes) > MAX_ROUTES:
        raise Malformed("too many routes", 400, invite.headers)
    return routes


def user_of(uri: str) -> str | None:
    """Who is called; empty if the URI names a host alone.

    :returns: None for a URI that is not ``sip:`` or ``sips:``.
    """
    scheme, _, rest = uri.partition(":")
    if scheme.lower() not in ("sip", "sips"):
        return None
    try:
        return URI.parse(f"sip:{rest}").user or ""
    except (ValueError, TypeError):
        return None
