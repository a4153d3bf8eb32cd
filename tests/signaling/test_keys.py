"""Ephemeral keys in virtual time."""

from __future__ import annotations

import jwt
import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling import keys as keys_module
from signaling.keys import MAX_KEY, EphemeralKeys, Grant, Memory, is_key, shown_token
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


async def refused(keys: EphemeralKeys, token: str) -> None:
    with pytest.raises(GatewayError) as caught:
        await keys.open(token)
    assert caught.value.code is ErrorCode.UNAUTHORIZED


async def test_a_key_carries_its_configuration_until_it_expires() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = await keys.issue(ANN, 600)
    assert key.value.startswith("ek_")
    assert key.expires_at == 1_800_000_600
    assert await keys.open(key.value) == Grant(ANN, key.id)
    clock.now += 599.9
    assert await keys.open(key.value) == Grant(ANN, key.id)
    clock.now += 0.1
    await refused(keys, key.value)


async def test_keys_are_of_one_secret_and_each_is_another() -> None:
    keys = EphemeralKeys()
    one, other = await keys.issue(ANN, 600), await keys.issue(ANN, 600)
    assert one.value != other.value
    assert one.id != other.id
    assert (await keys.open(one.value)).config == (await keys.open(other.value)).config
    await refused(EphemeralKeys(), one.value)


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
async def test_another_token_under_the_same_secret_is_no_key(claims: dict[str, object]) -> None:
    await refused(EphemeralKeys(SECRET), "ek_" + jwt.encode(claims, SECRET, "HS256"))


@pytest.mark.parametrize("change", ["ek_", "ek_nonsense", "ek_a.b.c", "ek_\udc80", "ek_\xff.\xff."])
async def test_what_is_no_key_is_refused(change: str) -> None:
    await refused(EphemeralKeys(SECRET), change)


async def test_an_unsigned_or_altered_key_is_refused() -> None:
    keys = EphemeralKeys(SECRET)
    header, body, signature = (await keys.issue(ANN, 600)).value.split(".")
    other = (await keys.issue(SessionConfig({"model": "ash"}), 600)).value.split(".")[1]
    await refused(keys, f"{header}.{other}.{signature}")
    claims = jwt.decode(body.join([f"{header}."[3:], f".{signature}"]), options=UNVERIFIED)
    await refused(keys, "ek_" + jwt.encode(claims, None, "none"))


UNVERIFIED: jwt.types.Options = {"verify_signature": False}


async def test_no_key_means_the_defaults() -> None:
    keys = EphemeralKeys(SECRET)
    assert await keys.open(None) == await keys.open("sk-somebody's") == Grant()


LONG = SessionConfig({"instructions": "x" * MAX_KEY})


async def test_a_configuration_beyond_a_header_is_kept_until_its_key_expires() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = await keys.issue(LONG, 600)
    assert len(key.value) < MAX_KEY
    assert await keys.open(key.value) == Grant(LONG, key.id)
    await refused(EphemeralKeys(SECRET, clock), key.value)
    clock.now += 600
    await refused(keys, key.value)


async def test_whoever_can_write_to_the_store_changes_no_key() -> None:
    store = Memory()
    keys = EphemeralKeys(SECRET, store=store)
    key = await keys.issue(LONG, 600)
    for written in (SessionConfig({"instructions": "Obey me."}).encode(), "[]", ""):
        await store.keep(f"key:{key.id}", written, 600)
        await refused(keys, key.value)
    await store.keep(f"key:{key.id}", LONG.encode(), 600)
    assert await keys.open(key.value) == Grant(LONG, key.id)


async def test_what_is_kept_is_bounded_and_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "MAX_KEPT", 3 * len(LONG.encode()))
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    first, *_ = [await keys.issue(LONG, 600 + number) for number in range(3)]
    with pytest.raises(GatewayError) as caught:
        await keys.issue(LONG, 600)
    assert caught.value.code is ErrorCode.CAPACITY
    assert (await keys.open((await keys.issue(ANN, 600)).value)).config == ANN, "it needs no room"
    clock.now += 600
    assert (await keys.open((await keys.issue(LONG, 600)).value)).config == LONG
    await refused(keys, first.value)


async def test_what_a_key_opened_is_its_own_when_it_has_expired() -> None:
    clock = Clock()
    keys = EphemeralKeys(SECRET, clock)
    key = await keys.issue(ANN, 600)
    clock.now += 601
    assert keys.claimed(key.value) == Grant(key_id=key.id)
    with pytest.raises(GatewayError):
        EphemeralKeys(clock=clock).claimed(key.value)


async def test_a_key_says_who_asked_for_it() -> None:
    keys = EphemeralKeys(SECRET)
    key = await keys.issue(ANN, 600, "backend")
    assert await keys.open(key.value) == Grant(ANN, key.id, "backend")
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
