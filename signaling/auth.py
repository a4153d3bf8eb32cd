"""Who may do what by HTTP.

A gateway without ``AUTH_SECRET`` and ``OIDC_ISSUER`` is open: anybody may call. What is an
operator's is then done from this machine alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.guard_settings import is_loopback
from signaling.access import Access, Needs, access_of
from signaling.caller import Caller, Scope
from signaling.cluster.relayed import relayed_caller
from signaling.doorkeeper import Doorkeeper
from signaling.forwarded import is_forwarded, remote_of
from signaling.http_errors import Handler, Refused
from signaling.keys import shown_token

KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
"""How a page in a browser shows its key at a WebSocket, where it cannot set headers."""

CALLER: Final = web.RequestKey("caller", Caller)
"""Who was let in with a request."""

_SCOPES: Final[Mapping[Access, Scope]] = {Access.ADMIN: Scope.ADMIN}
"""What is not here needs :attr:`Scope.CALL`."""


def guard(doorkeeper: Doorkeeper, needs: Needs) -> Middleware:
    """A middleware that lets pass what may be done, and tells the doors who does it."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        access = access_of(request, needs)
        if access is Access.OPEN:
            return await handler(request)
        if (known := relayed_caller(request)) is not None:
            request[CALLER] = known
            authorise(request, _SCOPES.get(access, Scope.CALL))
            return await handler(request)
        late = access is Access.OWN_CALL
        caller = await doorkeeper.identify(token_of(request), even_expired=late)
        if doorkeeper.is_open and caller.grant.key_id is None and is_of_this_machine(request):
            caller = replace(caller, scopes=frozenset(Scope))
        request[CALLER] = caller
        authorise(request, _SCOPES.get(access, Scope.CALL))
        return await handler(request)

    return middleware


def forbidden(scope: Scope) -> Refused:
    """A caller that is known, and may not (RFC 6750 §3.1)."""
    challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'}
    message = f"this needs the scope {scope.value}"
    return Refused(HTTPStatus.FORBIDDEN, "forbidden", message, challenge)


def authorise(request: web.Request, scope: Scope) -> Caller:
    """Who was let in with ``request``, if that one may do what needs ``scope``.

    :raises Refused: ``forbidden``.
    """
    caller = request[CALLER]
    if scope not in caller.scopes:
        raise forbidden(scope)
    return caller


def token_of(request: web.Request) -> str | None:
    """The token that an HTTP request shows."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        for name in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
            if name.strip().startswith(KEY_SUBPROTOCOL):
                return name.strip().removeprefix(KEY_SUBPROTOCOL)
    return shown_token(None, request.headers.get("Authorization"))


def is_of_this_machine(request: web.Request) -> bool:
    """Whether it was sent from here, to a name of here: a page of a stranger's that had its own
    name point to this machine (DNS rebinding) is not at home here.
    """
    if is_forwarded(request):
        return False
    host = request.headers.get("Host", "")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return is_loopback(name.strip("[]")) and _is_local_address(remote_of(request))


def _is_local_address(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
