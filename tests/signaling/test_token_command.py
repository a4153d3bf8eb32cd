from __future__ import annotations

import time

import jwt
import pytest

from signaling.caller import Scope
from signaling.token_command import main
from signaling.tokens import SecretTokens

SECRET = "a secret of at least thirty-two bytes"


async def test_a_token_that_the_gateway_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTH_SECRET", SECRET)
    assert main(["ann", "--scope", "admin", "--expires", "2h"]) == 0
    token = capsys.readouterr().out.strip()
    caller = await SecretTokens(SECRET).verify(token)
    assert caller is not None
    assert (caller.name, Scope.ADMIN in caller.scopes) == ("ann", True)
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert expires == pytest.approx(time.time() + 7_200, abs=5)


def test_there_is_nothing_to_sign_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AUTH_SECRET", raising=False)
    assert main(["ann", "--env-file", "/dev/null"]) == 2
    assert "AUTH_SECRET" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], [""], ["ann", "--scope", "root"], ["ann", "--expires", "1"], ["ann", "--expires="]]
)
def test_what_makes_no_sense(argv: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(argv)
