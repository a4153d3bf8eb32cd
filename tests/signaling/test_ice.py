from __future__ import annotations

import base64
import hashlib
import hmac

from gateway.json_settings import IceServer
from signaling.ice import CREDENTIAL_MARGIN, IceServers

STUN = IceServer(urls=("stun:stun.example",))
TURN = IceServer(urls=("turn:turn.example?transport=udp", "turns:turn.example"))
OWN = IceServer(urls=("turn:other.example",), username="ann", credential="pass")
DURATION = 3600.0
NOW = 1_000_000.5


def test_a_turn_server_without_a_credential_is_given_one_that_expires() -> None:
    stun, turn = IceServers([STUN, TURN], "hush", DURATION, lambda: NOW).for_user("sess_1")
    assert stun == {"urls": ["stun:stun.example"]}
    assert turn["urls"] == ["turn:turn.example?transport=udp", "turns:turn.example"]
    assert turn["username"] == f"{int(NOW + DURATION + CREDENTIAL_MARGIN)}:sess_1"
    code = hmac.new(b"hush", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(code).decode()
    assert turn.keys() == {"urls", "username", "credential"}


def test_a_credential_from_the_settings_is_left_alone() -> None:
    for secret in ("hush", None):
        assert IceServers([OWN], secret, DURATION).for_user("sess_1") == [
            {"urls": ["turn:other.example"], "username": "ann", "credential": "pass"}
        ]


def test_each_user_and_each_moment_has_its_own() -> None:
    moments = iter((NOW, NOW, NOW + 1))
    servers = IceServers([TURN], "hush", DURATION, lambda: next(moments))
    given = [servers.for_user(user)[0] for user in ("sess_1", "sess_2", "sess_1")]
    assert len({each["username"] for each in given}) == 3
    assert len({each["credential"] for each in given}) == 3


def test_the_secret_is_not_shown() -> None:
    servers = IceServers([TURN], "hush", DURATION)
    assert "hush" not in f"{servers!r} {servers.for_user('sess_1')}"
