"""Digest authentication, in virtual time."""

import re

import pytest

from signaling.sip.digest import MAX_USED, NONCE_LIFETIME, Digest, Verdict, username
from tests.signaling.sip.phone import authorization

URI = "sip:agent@talkpath.example"


def judge(digest: Digest, credentials: str | None, now: float = 1.0) -> Verdict:
    return digest.judge("INVITE", credentials, now)


def test_the_password_opens_once() -> None:
    digest = Digest({"alice": "secret"})
    credentials = authorization(digest.challenge(0.0), "alice", "secret", URI)
    assert judge(digest, credentials) is Verdict.GOOD
    assert judge(digest, credentials) is Verdict.STALE, "nobody may repeat what was overheard"
    counted = authorization(digest.challenge(0.0), "alice", "secret", URI, nc="00000002")
    assert judge(digest, counted) is Verdict.GOOD


def test_a_nonce_ends_and_is_no_other_gateway_s() -> None:
    digest = Digest({"alice": "secret"})
    credentials = authorization(digest.challenge(0.0), "alice", "secret", URI)
    assert judge(digest, credentials, NONCE_LIFETIME + 0.1) is Verdict.STALE
    assert "stale=true" in digest.challenge(0.0, stale=True)
    foreign = Digest({"alice": "secret"}).challenge(0.0)
    assert judge(digest, authorization(foreign, "alice", "secret", URI)) is Verdict.WRONG


@pytest.mark.parametrize(("user", "password"), [("alice", "guess"), ("bob", "secret"), ("", "")])
def test_others_stay_out(user: str, password: str) -> None:
    digest = Digest({"alice": "secret"})
    given = authorization(digest.challenge(0.0), user, password, URI)
    assert judge(digest, given) is Verdict.WRONG


def test_a_phone_that_knows_no_qop_and_one_with_odd_quotes() -> None:
    digest = Digest({"al,ice": "secret"})
    nonce = re.search(r'nonce="(\w+)"', digest.challenge(0.0))
    assert nonce is not None
    expected = digest._expected("INVITE", {"username": "al,ice", "nonce": nonce[1], "uri": URI})
    given = f'digest username="al\\,ice" ,realm=talkpath,uri="{URI}",nonce={nonce[1]}'
    assert judge(digest, f'{given},response="{expected.upper()}"') is Verdict.GOOD
    assert username(given) == "al,ice"
    assert username("Basic x") == ""


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Digest",
        "Basic YTpi",
        "Digest nonce",
        "Digest " + 'a="",' * 400 + "!",
        "Digest ü=1",
    ],
)
def test_what_is_no_credentials_is_wrong(given: str | None) -> None:
    assert judge(Digest({"alice": "secret"}), given) is Verdict.WRONG


def test_only_so_many_uses_are_kept() -> None:
    digest = Digest({"alice": "secret"})
    challenge = digest.challenge(0.0)
    for number in range(MAX_USED + 10):
        given = authorization(challenge, "alice", "secret", URI, nc=f"{number:08x}")
        assert judge(digest, given) is Verdict.GOOD
    assert len(digest._used) == MAX_USED
