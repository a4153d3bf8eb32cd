"""Without an audit log notes are taken, and kept nowhere."""

from __future__ import annotations

from gateway.audit.actor import GATEWAY
from gateway.audit.audit import NO_AUDIT, Audit


def test_nobody_wants_to_know() -> None:
    audit: Audit = NO_AUDIT
    audit.note("session.opened", GATEWAY, "sess_1", agentSet="haiku")
    audit.happened("session.ended", GATEWAY, "sess_1", seconds=3)
