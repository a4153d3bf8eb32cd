"""How a call gets to whom it is for."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.sip.credentials import Credentials
from signaling.sip.transaction import Flow


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one called party.

    :ivar uri: the Request-URI, and that of To.
    :ivar flow: where requests go.
    :ivar sender: the URI of From; None: the gateway's own.
    :ivar credentials: what a 401 or 407 is answered with; None: with nothing.
    :ivar trusted: the peer may name any address for its media.
    :ivar routes: values of Route, in order (RFC 3608 §5).
    """

    uri: str
    flow: Flow
    sender: str | None = None
    credentials: Credentials | None = None
    trusted: bool = False
    routes: tuple[str, ...] = ()
