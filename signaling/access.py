"""What each HTTP route needs: the table that every request is looked up in.

A route that is not here needs ``admin``: one that somebody forgot is shut.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from aiohttp import web


class Access(Enum):
    """Who may use a route."""

    OPEN = "open"
    """Anybody. Also where the door itself asks: Socket.IO in its own handshake, SIP by digest."""
    CALL = "call"
    OWN_CALL = "own call"
    """As ``CALL``, and the key that opened the call may have expired meanwhile."""
    ADMIN = "admin"


Needs = Mapping[tuple[str, str], Access]
"""By method and path, ``*`` for all methods, as the router has them."""

_CONTROL: Final = "/v1/realtime/calls/{call_id}"

ACCESS: Final[Needs] = {
    ("GET", "/"): Access.OPEN,
    ("GET", "/test"): Access.OPEN,
    ("GET", "/softphone"): Access.OPEN,
    # The page alone: what it shows it asks for with an operator's token.
    ("GET", "/dashboard"): Access.OPEN,
    ("GET", "/client/{path}"): Access.OPEN,
    ("GET", "/openapi.json"): Access.OPEN,
    ("GET", "/health"): Access.OPEN,
    ("GET", "/ready"): Access.OPEN,
    ("*", "/socket.io/"): Access.OPEN,
    ("GET", "/sip"): Access.OPEN,
    ("GET", "/sip/ice-servers"): Access.OPEN,
    ("POST", "/v1/realtime/client_secrets"): Access.CALL,
    ("POST", "/v1/realtime/sessions"): Access.CALL,
    ("GET", "/api/session"): Access.CALL,
    ("POST", "/api/session"): Access.CALL,
    ("POST", "/v1/realtime/calls"): Access.CALL,
    ("GET", "/v1/realtime"): Access.CALL,
    ("POST", f"{_CONTROL}/hangup"): Access.CALL,
    ("POST", f"{_CONTROL}/accept"): Access.CALL,
    ("POST", f"{_CONTROL}/reject"): Access.CALL,
    ("POST", f"{_CONTROL}/refer"): Access.CALL,
    ("POST", "/whip"): Access.CALL,
    ("OPTIONS", "/whip"): Access.OPEN,
    ("PATCH", "/whip/{call_id}"): Access.OWN_CALL,
    ("DELETE", "/whip/{call_id}"): Access.OWN_CALL,
    ("OPTIONS", "/whip/{call_id}"): Access.OPEN,
    # A phone call costs money, whoever pays for it.
    ("POST", "/api/calls"): Access.ADMIN,
    ("GET", "/api/calls/{call_id}"): Access.ADMIN,
    ("DELETE", "/api/calls/{call_id}"): Access.ADMIN,
    ("GET", "/api/recordings"): Access.CALL,
    ("GET", "/api/recordings/{id}"): Access.CALL,
    ("DELETE", "/api/recordings/{id}"): Access.CALL,
    ("GET", "/api/recordings/{id}/{file}"): Access.CALL,
    ("GET", "/api/sessions"): Access.ADMIN,
    ("GET", "/api/sessions/{id}"): Access.ADMIN,
    ("POST", "/api/sessions/{id}/hangup"): Access.ADMIN,
    ("POST", "/api/sessions/{id}/text"): Access.ADMIN,
    ("POST", "/api/sessions/{id}/listen"): Access.ADMIN,
    ("DELETE", "/api/sessions/{id}/listen/{listener}"): Access.ADMIN,
    ("GET", "/api/history"): Access.ADMIN,
    ("GET", "/api/agents"): Access.ADMIN,
    ("GET", "/metrics"): Access.ADMIN,
}


def access_of(request: web.Request, needs: Needs) -> Access:
    """What a request needs; one that leads nowhere needs nothing to be told so."""
    found = request.match_info
    resource = found.route.resource
    if found.http_exception is not None or resource is None:
        return Access.OPEN
    method = "GET" if request.method == "HEAD" else request.method
    path = resource.canonical
    return needs.get((method, path)) or needs.get(("*", path)) or Access.ADMIN
