"""What a gateway without an audit log would have noted in one."""

from __future__ import annotations

import pytest

from gateway.audit.actor import Actor
from gateway.audit.audit import Fact, NoAudit


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Actions, from now on."""
    actions: list[str] = []

    def note(
        audit: NoAudit, action: str, actor: Actor, session: str | None = None, **facts: Fact
    ) -> None:
        actions.append(action)

    monkeypatch.setattr(NoAudit, "note", note)
    return actions
