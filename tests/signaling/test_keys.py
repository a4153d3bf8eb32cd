"""Ephemeral keys in virtual time."""

from __future__ import annotations

import jwt
import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling import keys as keys_module
from signaling.keys import MAX_KEY, EphemeralKeys, Grant, is_key, shown_token
from signaling.session_config import SessionConfig

SECRET = b"0123456789abcdef0123456789abcdef"
ANN = SessionConfig(
    {"model": "some-model", "instructions": "Be brief.", "audio": {"output": {"voice": "cedar"}}},
    "chat_supervisor",
    "passthrough",
)


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
    assert keys.open(key.value) == Grant(ANN, key.id)
    clock.now += 599.9
    assert keys.open(key.value) == Grant(ANN, key.id)
    clock.now += 0.1
    refused(keys, key.value)


def test_keys_are_of_one_secret_and_each_is_another() -> None:
    keys = EphemeralKeys()
    one, other = keys.issue(ANN, 600), keys.issue(ANN, 600)
    assert one.value != other.value
    assert one.id != other.id
    assert keys.open(one.value).config == keys.open(other.value).config
    refused(EphemeralKeys(), one.value)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 4_000_000_000, "jti": "sess_1", "config": "{}"},
        {"exp": 4_000_000_000, "jti": "sess_1", "aud": "another", "config": "{}"},
        {"aud": "talkpath:session", "jti": "sess_1", "config": "{}"},
        {"exp": 4_000_000_000, "aud": "talkpath:session", "config": "{}"},
        {"exp": 4_000_000_000, "jti": "sess_1", "aud": "talkpath:session"},
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
    other = keys.issue(SessionConfig({"model": "ash"}), 600).value.split(".")[1]
    refused(keys, f"{header}.{other}.{signature}")
    claims = jwt.decode(body.join([f"{header}."[3:], f".{signature}"]), options=UNVERIFIED)
    refused(keys, "ek_" + jwt.encode(claims, None, "none"))


UNVERIFIED: jwt.types.Options = {"verify_signature": False}


def test_no_key_means_the_defaults() -> None:
    keys = EphemeralKeys(SECRET)
    assert keys.open(None) == keys.open("sk-somebody's") == Grant()


LONG = SessionConfig({"instructions": "x" * MAX_KEY})


def test_a_configuration_beyond_a_header_is_kept_until_its_key_expires() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = keys.issue(LONG, 600)
    assert len(key.value) < MAX_KEY
    assert keys.open(key.value) == Grant(LONG, key.id)
    refused(EphemeralKeys(SECRET, clock), key.value)
    clock.now += 600
    refused(keys, key.value)


def test_what_is_kept_is_bounded_and_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "MAX_KEPT", 3 * len(LONG.encode()))
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    first, *_ = [keys.issue(LONG, 600 + number) for number in range(3)]
    with pytest.raises(GatewayError) as caught:
        keys.issue(LONG, 600)
    assert caught.value.code is ErrorCode.CAPACITY
    assert keys.open(keys.issue(ANN, 600).value).config == ANN, "a short one needs no room"
    clock.now += 600
    assert keys.open(keys.issue(LONG, 600).value).config == LONG
    refused(keys, first.value)


def test_what_a_key_opened_is_its_own_when_it_has_expired() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = keys.issue(ANN, 600)
    clock.now += 601
    assert keys.claimed(key.value) == Grant(key_id=key.id)
    with pytest.raises(GatewayError):
        EphemeralKeys(clock=clock).claimed(key.value)


def test_a_key_says_who_asked_for_it() -> None:
    keys = EphemeralKeys(SECRET)
    key = keys.issue(ANN, 600, "backend")
    assert keys.open(key.value) == Grant(ANN, key.id, "backend")
    assert keys.claimed(key.value).owner == "backend"


def test_a_key_is_known_by_its_beginning() -> None:
    assert is_key("ek_1")
    assert not is_key("sk-1")
    assert not is_key(None)


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
