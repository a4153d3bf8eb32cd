"""Who pays for a text model: the session in whose task it is asked."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from gateway.core.usage import Tokens

Account = Callable[[str, Tokens], None]
"""Takes the model's name and what it used."""

_account: ContextVar[Account | None] = ContextVar("account", default=None)


def charge_to(account: Account) -> None:
    """All that this task and those it starts spend goes on this account."""
    _account.set(account)


def spend(model: str, tokens: Tokens) -> None:
    """A model was used; to be called by whatever asked it. Outside of a session nobody pays."""
    account = _account.get()
    if account is not None:
        account(model, tokens)
