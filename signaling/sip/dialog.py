"""What two ends of a call know of each other, as either has it (RFC 3261 §12)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sipmessage import URI, Headers

from signaling.sip.credentials import Credentials
from signaling.sip.message import (
    MAX_URI,
    Malformed,
    Request,
    Response,
    addresses,
    options,
)
from signaling.sip.outgoing import CREDENTIALS, Header, Outgoing
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


def via(flow: Flow, branch: str) -> str:
    """The Via of a request of ours."""
    return f"SIP/2.0/{_VIA_TRANSPORTS[flow.transport]} {flow.local};branch={branch};rport"


@dataclass(eq=False)
class Dialog:
    """One end's view, whichever end called.

    Requests of ours go by the flow that the peer's last one came by: behind a NAT there is no
    other way, and a proxy that recorded its route is at the end of it.

    :ivar local, remote: the two ends as From and To have them, with their tags.
    :ivar target: the peer's Contact.
    :ivar routes: values of Route, in order.
    :ivar peer_allows: methods, in lower case.
    :ivar is_caller: whether the call is ours.
    """

    flow: Flow
    call_id: str
    local: str
    local_tag: str
    local_cseq: int
    remote: str
    remote_tag: str
    remote_cseq: int
    target: str
    routes: tuple[str, ...]
    peer_allows: list[str]
    is_caller: bool
    credentials: Credentials | None = None
    """What a request of ours that is challenged is answered with."""

    @classmethod
    def of_callee(cls, invite: Request, flow: Flow) -> Dialog:
        """Made by an INVITE that came (RFC 3261 §12.1.1).

        :raises Malformed: Contact or Record-Route is missing or cannot be read.
        """
        tag = secrets.token_hex(8)
        return cls(
            flow=flow,
            call_id=invite.call_id,
            local=f"{invite.headers['To']};tag={tag}",
            local_tag=tag,
            local_cseq=secrets.randbelow(2**16),
            remote=invite.headers["From"],
            remote_tag=invite.from_tag,
            remote_cseq=invite.cseq,
            target=_target(invite.headers),
            routes=tuple(_routes(invite.headers)),
            peer_allows=options(invite.headers, "Allow"),
            is_caller=False,
        )

    @classmethod
    def of_caller(
        cls, invite: Outgoing, answer: Response, flow: Flow, credentials: Credentials | None = None
    ) -> Dialog:
        """Made by the 2xx to an INVITE of ours (RFC 3261 §12.1.2).

        :raises Malformed: To, Contact or Record-Route is missing or cannot be read.
        """
        if not answer.to_tag:
            raise Malformed("the answer's To has no tag")
        (sender,) = addresses(invite["From"])
        return cls(
            flow=flow,
            call_id=invite["Call-ID"],
            local=invite["From"],
            local_tag=sender.parameters.get("tag") or "",
            local_cseq=invite.cseq,
            remote=answer.headers["To"],
            remote_tag=answer.to_tag,
            remote_cseq=-1,  # Its first request may have any number.
            target=_target(answer.headers),
            routes=tuple(reversed(_routes(answer.headers))),
            peer_allows=options(answer.headers, "Allow"),
            is_caller=True,
            credentials=credentials,
        )

    @property
    def id(self) -> DialogId:
        return (self.call_id, self.local_tag, self.remote_tag)

    def admit(self, asked: Request, flow: Flow) -> bool:
        """Whether a request is in order (RFC 3261 §12.2.2); its sender is there now."""
        if asked.cseq <= self.remote_cseq:
            return False
        self.remote_cseq = asked.cseq
        self.flow = flow
        return True

    def refresh(self, headers: Headers) -> None:
        """Take the target of a request or 2xx that may change it.

        :raises Malformed: its Contact cannot be read.
        """
        self.target = _target(headers)
        self.peer_allows = options(headers, "Allow") or self.peer_allows

    @property
    def local_uri(self) -> str:
        """Who we are in this call."""
        return str(addresses(self.local)[0].uri)

    @property
    def remote_domain(self) -> str:
        """Whose numbers the peer means: host and port of its own address, or of where it is if it
        says no more (RFC 3323 §4.1.1.3).
        """
        names = (str(addresses(self.remote)[0].uri), self.target)
        hosts = [uri.partition(":")[2].rpartition("@")[2].partition(";")[0] for uri in names]
        return next((host for host in hosts if host and not host.endswith(".invalid")), hosts[-1])

    def request(
        self,
        method: str,
        branch: str,
        extra: tuple[Header, ...] = (),
        body: str = "",
        kind: str = "application/sdp",
    ) -> Outgoing:
        """A request of ours within the dialog (RFC 3261 §12.2.1.1)."""
        self.local_cseq += 1
        return self._request(method, self.local_cseq, branch, extra, body, kind)

    def ack(self, invite: Outgoing, branch: str) -> Outgoing:
        """The ACK of a 2xx to an INVITE of ours (RFC 3261 §13.2.2.4)."""
        known = tuple((name, value) for name in CREDENTIALS for value in invite.all(name))
        return self._request("ACK", invite.cseq, branch, known)

    def _request(
        self,
        method: str,
        cseq: int,
        branch: str,
        extra: tuple[Header, ...],
        body: str = "",
        kind: str = "application/sdp",
    ) -> Outgoing:
        target, routes = self.target, self.routes
        if routes and ";lr" not in routes[0].lower():
            # A strict router wants itself in the Request-URI, and the target last.
            (first,) = addresses(routes[0])
            target, routes = str(first.uri), (*routes[1:], f"<{self.target}>")
        headers = (
            ("Via", via(self.flow, branch)),
            *(("Route", route) for route in routes),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
        )
        return Outgoing(method, target, headers, body, kind)


def _target(headers: Headers) -> str:
    try:
        found = addresses(headers["Contact"])
    except (ValueError, TypeError, KeyError):
        raise Malformed("Contact is missing or cannot be read", 400, headers) from None
    target = str(found[0].uri) if found else ""
    if not 0 < len(target) <= MAX_URI:
        raise Malformed("Contact is not an address", 400, headers)
    return target


def _routes(headers: Headers) -> list[str]:
    """Record-Route in order, as they came: the callee's route set (RFC 3261 §12.1.1)."""
    values = headers.getlist("Record-Route")
    try:
        routes = [str(route) for value in values for route in addresses(value)]
    except (ValueError, TypeError):
        raise Malformed("Record-Route cannot be read", 400, headers) from None
    if len(routes) > MAX_ROUTES:
        raise Malformed("too many routes", 400, headers)
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
