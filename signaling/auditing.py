"""The audit log of a gateway, and who acts in each request."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.audit.actor import GATEWAY, Actor, acts
from gateway.audit.audit import NO_AUDIT, Audit
from gateway.audit.log import AuditLog, AuditLogError
from gateway.config import Settings, SettingsError
from signaling.auth import CALLER
from signaling.forwarded import remote_of
from signaling.http_errors import Handler

_DOORS: Final = (
    ("/socket.io", "socketio"),
    ("/v1/realtime/calls", "calls"),
    ("/v1/realtime/", "http"),
    ("/v1/realtime", "realtime"),
    ("/whip", "whip"),
    ("/sip", "sip"),
)
"""By the beginning of a request's path; what is not here is ``http``."""


def audit_log(settings: Settings) -> AuditLog | None:
    """The log of ``AUDIT_LOG``, begun.

    :raises SettingsError: it cannot be written there.
    """
    if settings.audit_log is None:
        return None
    audit = AuditLog(settings.audit_log)
    try:
        audit.start()
    except AuditLogError as error:
        raise SettingsError(f"AUDIT_LOG={settings.audit_log}: {error}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"AUDIT_LOG={settings.audit_log}: {reason}") from None
    return audit


def note_expired(audit: Audit | None, session_id: str) -> None:
    """A recording went by the rules of retention."""
    (audit or NO_AUDIT).happened("recording.expired", GATEWAY, session_id)


@web.middleware
async def known_actor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware: what a request brings about is done for who sent it. Behind the guard."""
    caller = request.get(CALLER)
    name = (caller.owner if caller is not None else None) or remote_of(request) or "unknown"
    with acts(Actor(name, door_of(request.path))):
        return await handler(request)


def door_of(path: str) -> str:
    """The door at ``path``, as audit entries name it."""
    return next((door for prefix, door in _DOORS if path.startswith(prefix)), "http")
