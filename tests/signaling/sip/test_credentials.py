"""The client's digest: the examples of the RFCs, and our own server as its judge."""

from __future__ import annotations

import pytest
from sipmessage import Headers

from signaling.sip.auth_header import parse_digests
from signaling.sip.credentials import MAX_NONCES, Credentials, Header
from signaling.sip.digest import Digest, Verdict
from signaling.sip.message import Response

URI = "sip:bob@biloxi.example"


def response(code: int, *challenges: str) -> Response:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    headers = Headers()
    for challenge in challenges:
        headers.add(name, challenge)
    return Response(code, headers, "z9hG4bK1", "INVITE")


def challenge(realm: str = "acme", nonce: str = "n1", **more: str) -> str:
    given = "".join(f", {name}={value}" for name, value in more.items())
    return f'Digest realm="{realm}", nonce="{nonce}"{given}'


def given(header: Header | None) -> dict[str, str]:
    assert header is not None
    (parameters,) = parse_digests(header[1])
    return parameters


@pytest.mark.parametrize(
    ("algorithm", "result"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm: str, result: str) -> None:
    """Section 3.9.1."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    credentials = Credentials("Mufasa", "Circle of Life", lambda: cnonce)
    asked = challenge(
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        qop='"auth, auth-int"',
        algorithm=algorithm,
        opaque='"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    )
    header = credentials.authorization(response(401, asked), "GET", "/dir/index.html")
    assert given(header) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "qop": "auth",
        "nc": "00000001",
        "cnonce": cnonce,
        "response": result,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_the_example_of_rfc_2617_and_one_without_qop() -> None:
    """RFC 2617 §3.5; without qop, as RFC 2069 has it (value by ``openssl md5``)."""
    credentials = Credentials("Mufasa", "Circle Of Life", lambda: "0a4f113b")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    asked = response(401, challenge("testrealm@host.com", nonce, qop='"auth,auth-int"'))
    header = credentials.authorization(asked, "GET", "/dir/index.html")
    assert given(header)["response"] == "6629fae49393a05397450978507c4ef1"
    asked = response(407, challenge("testrealm@host.com", nonce))
    header = credentials.authorization(asked, "GET", "/dir/index.html")
    assert header is not None
    assert header[0] == "Proxy-Authorization"
    assert given(header)["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert "qop" not in given(header)
    assert "cnonce" not in given(header)


def test_our_own_server_lets_it_in_as_often_as_it_comes() -> None:
    server, client = Digest({'al"ice\\': "s:e,c"}), Credentials('al"ice\\', "s:e,c")
    asked = response(401, server.challenge(0.0))
    for _ in range(3):
        header = client.authorization(asked, "REGISTER", URI)
        assert header is not None
        assert server.judge("REGISTER", header[1], 1.0) is Verdict.GOOD


def test_a_session_algorithm_goes_by_its_cnonce() -> None:
    one, other = (Credentials("a", "b", lambda word=word: word) for word in ("x", "y"))
    asked = response(401, challenge(algorithm="MD5-sess"))
    first, second = (given(each.authorization(asked, "INVITE", URI)) for each in (one, other))
    assert first["cnonce"] == "x"
    assert first["response"] != second["response"]


def test_uses_of_a_nonce_are_counted_each_apart_and_not_for_ever() -> None:
    credentials = Credentials("a", "b")

    def count(nonce: str) -> str:
        asked = response(401, challenge(nonce=nonce, qop="auth"))
        return given(credentials.authorization(asked, "INVITE", URI))["nc"]

    assert [count("one"), count("one"), count("two")] == ["00000001", "00000002", "00000001"]
    for number in range(MAX_NONCES):
        count(str(number))
    assert count("one") == "00000001"
    assert len(credentials._uses) == MAX_NONCES


def test_the_best_challenge_is_answered() -> None:
    md5, sha = challenge(algorithm="MD5"), challenge(algorithm="sha-256")
    odd = challenge(algorithm="SHA-512-256")
    for asked in ([md5, sha, odd], [f"{odd}, {sha}, {md5}"], ["Basic x", odd, sha]):
        header = Credentials("a", "b").authorization(response(401, *asked), "INVITE", URI)
        assert given(header)["algorithm"] == "sha-256"


@pytest.mark.parametrize(
    "asked",
    [
        response(403, challenge()),
        response(401),
        response(401, "Basic realm=x"),
        response(401, 'Digest realm="x"'),
        response(401, 'Digest nonce="x"'),
        response(401, challenge(qop='"auth-int"')),
        response(401, challenge(algorithm="SHA-512-256")),
        Response(407, response(401, challenge()).headers, "", "INVITE"),
    ],
)
def test_what_cannot_be_answered_is_not(asked: Response) -> None:
    assert Credentials("a", "b").authorization(asked, "INVITE", URI) is None


def test_a_refused_password_is_not_sent_again() -> None:
    credentials = Credentials("a", "b")
    first = credentials.authorization(response(401, challenge(nonce="1")), "INVITE", URI)
    assert first is not None
    sent = [("Via", "Digest"), first]
    again = [response(401, challenge(nonce=nonce)) for nonce in ("1", "2")]
    assert [credentials.authorization(each, "INVITE", URI, sent) for each in again] == [None, None]
    stale = response(401, challenge(nonce="3", stale="TRUE"))
    assert given(credentials.authorization(stale, "INVITE", URI, sent))["nonce"] == "3"
    for other in (response(407, challenge(nonce="1")), response(401, challenge("another"))):
        assert credentials.authorization(other, "INVITE", URI, sent) is not None


def test_the_password_is_not_shown() -> None:
    credentials = Credentials("alice", "hidden")
    assert repr(credentials) == "Credentials('alice')"
    header = credentials.authorization(response(401, challenge()), "INVITE", URI)
    assert header is not None
    assert "hidden" not in header[1]
