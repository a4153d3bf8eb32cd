"""Requests that another gateway passed on: they come by a socket of this process's own, and say who
was let in there.
"""

from __future__ import annotations

import json
import socket
from typing import Any, Final

from aiohttp import web

from signaling.caller import Caller

HEADER: Final = "Talkpath-Relayed"


def relayed(caller: Caller, remote: str) -> dict[str, str]:
    """The header of a request that ``caller`` sent from the address ``remote``."""
    return {HEADER: json.dumps({"caller": caller.told(), "remote": remote})}


def relayed_caller(request: web.Request) -> Caller | None:
    """Who sent it, as another gateway found out; None: it was not passed on."""
    told = _told(request)
    return Caller.of(told["caller"]) if told is not None else None


def relayed_remote(request: web.Request) -> str | None:
    """Where from."""
    told = _told(request)
    return str(told["remote"]) if told is not None else None


def _told(request: web.Request) -> dict[str, Any] | None:
    transport = request.transport
    own = transport.get_extra_info("socket") if transport is not None else None
    # A stranger may send the header as well, but not by that socket.
    if (
        own is None
        or own.family != getattr(socket, "AF_UNIX", None)
        or HEADER not in request.headers
    ):
        return None
    told: dict[str, Any] = json.loads(request.headers[HEADER])
    return told
