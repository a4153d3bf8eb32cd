"""Ephemeral keys in virtual time."""

from __future__ import annotations

import jwt
import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling.keys import MAX_KEY, EphemeralKeys, KeySession, shown_token

SECRET = b"0123456789abcdef0123456789abcdef"
ANN = KeySession("some-model", "chat_supervisor", "Be brief.", "cedar")


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def refused(keys: EphemeralKeys, token: str) -> None:
    with pytest.raises(GatewayError) as caught:
        keys.open(token)
    assert caught.value.code is ErrorCode.UNAUTHORIZED


def test_a_key_carries_its_configuration_until_it_expires() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = keys.issue(ANN, 600)
    assert key.value.startswith("ek_")
    assert key.expires_at == 1_800_000_600
    assert keys.open(key.value) == ANN
    clock.now += 599.9
    assert keys.open(key.value) == ANN
    clock.now += 0.1
    refused(keys, key.value)


def test_keys_are_of_one_secret_and_each_is_another() -> None:
    keys = EphemeralKeys()
    one, other = keys.issue(ANN, 600), keys.issue(ANN, 600)
    assert one.value != other.value
    assert keys.open(one.value) == keys.open(other.value)
    refused(EphemeralKeys(), one.value)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 4_000_000_000, "session": {}},
        {"exp": 4_000_000_000, "aud": "another", "session": {}},
        {"aud": "talkpath:session", "session": {}},
        {"exp": 4_000_000_000, "aud": "talkpath:session"},
    ],
)
def test_another_token_under_the_same_secret_is_no_key(claims: dict[str, object]) -> None:
    refused(EphemeralKeys(SECRET), "ek_" + jwt.encode(claims, SECRET, "HS256"))


@pytest.mark.parametrize("change", ["ek_", "ek_nonsense", "ek_a.b.c", "ek_\udc80", "ek_\xff.\xff."])
def test_what_is_no_key_is_refused(change: str) -> None:
    refused(EphemeralKeys(SECRET), change)


def test_an_unsigned_or_altered_key_is_refused() -> None:
    keys = EphemeralKeys(SECRET)
    header, body, signature = keys.issue(ANN, 600).value.split(".")
    other = keys.issue(KeySession(voice="ash"), 600).value.split(".")[1]
    refused(keys, f"{header}.{other}.{signature}")
    claims = jwt.decode(body.join([f"{header}."[3:], f".{signature}"]), options=UNVERIFIED)
    refused(keys, "ek_" + jwt.encode(claims, None, "none"))


UNVERIFIED: jwt.types.Options = {"verify_signature": False}


def test_no_key_means_the_defaults() -> None:
    keys = EphemeralKeys(SECRET)
    assert keys.open(None) == keys.open("sk-somebody's") == KeySession()


def test_a_configuration_beyond_a_header_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        EphemeralKeys(SECRET).issue(KeySession(instructions="x" * MAX_KEY), 600)
    assert caught.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("auth", "header", "token"),
    [
        ({"token": "ek_1"}, None, "ek_1"),
        ({"token": "ek_1"}, "Bearer ek_2", "ek_1"),
        (None, "bearer  ek_2", "ek_2"),
        ({"token": 7}, "Basic ek_2", None),
        ("ek_1", "Bearer ", None),
        (None, None, None),
    ],
)
def test_where_a_client_shows_its_token(
    auth: object, header: str | None, token: str | None
) -> None:
    assert shown_token(auth, header) == token
