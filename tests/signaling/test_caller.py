"""Whose calls are in whose hand."""

from __future__ import annotations

import pytest

from signaling.caller import Caller, Scope
from signaling.keys import Grant

ANN = Caller("ann")
OPERATOR = Caller("op", scopes=frozenset(Scope))
KEY = Caller("ann", grant=Grant(key_id="sess_1", owner="ann"))
ANYBODY = Caller()
SERVER = Caller(has_credential=True)
LOCAL = Caller(scopes=frozenset(Scope))


@pytest.mark.parametrize(
    ("caller", "owner", "owns"),
    [
        (ANN, "ann", True),
        (ANN, "bob", False),
        (ANN, None, False),
        (ANN, "", False),
        (OPERATOR, "ann", True),
        (OPERATOR, None, True),
        (KEY, "ann", True),
        (KEY, "bob", False),
        (ANYBODY, None, True),
        (ANYBODY, "ann", False),
        (LOCAL, "ann", True),
        (Caller("анна"), "анна", True),
    ],
)
def test_what_belongs_to_whom(caller: Caller, owner: str | None, owns: bool) -> None:
    assert caller.owns(owner) is owns


@pytest.mark.parametrize(
    ("caller", "owner", "key_id", "controls"),
    [
        (KEY, "ann", "sess_1", True),
        (KEY, "ann", "sess_2", False),
        (KEY, "ann", None, False),
        (ANN, "ann", "sess_1", True),  # It asked for the key.
        (ANN, "bob", "sess_1", False),
        (ANN, "ann", None, True),
        (ANN, None, None, False),  # A phone's.
        (OPERATOR, "bob", "sess_1", True),
        (OPERATOR, None, None, True),
        (ANYBODY, None, None, True),
        (ANYBODY, None, "sess_1", False),
        (SERVER, None, "sess_1", True),
        (SERVER, "ann", None, False),
    ],
)
def test_calls(caller: Caller, owner: str | None, key_id: str | None, controls: bool) -> None:
    assert caller.controls(owner, key_id) is controls


def test_who_is_an_operator() -> None:
    assert OPERATOR.is_operator
    assert not ANN.is_operator
