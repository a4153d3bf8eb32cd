from __future__ import annotations

from typing import Any

import pytest

from gateway.media.ice_servers import ice_options


def turn(host: str, port: int, transport: str, *, tls: bool = False) -> dict[str, Any]:
    return {
        "turn_server": (host, port),
        "turn_transport": transport,
        "turn_ssl": tls,
        "turn_username": "u",
        "turn_password": "c",
    }


@pytest.mark.parametrize(
    ("urls", "options"),
    [
        ("stun:127.0.0.1:3479", {"stun_server": ("127.0.0.1", 3479)}),
        ("stun:stun.example", {"stun_server": ("stun.example", 3478)}),
        ("stuns:stun.example", {}),
        ("turn:turn.example", turn("turn.example", 3478, "udp")),
        ("turn:127.0.0.1?transport=tcp", turn("127.0.0.1", 3478, "tcp")),
        ("turn:[2001:db8::1]:80?transport=udp", turn("2001:db8::1", 80, "udp")),
        ("turns:turn.example", turn("turn.example", 5349, "tcp", tls=True)),
        ("turns:turn.example:443?transport=tcp", turn("turn.example", 443, "tcp", tls=True)),
        ("turns:turn.example?transport=udp", {}),
        (["turn:one.example", "turn:two.example"], turn("one.example", 3478, "udp")),
    ],
)
def test_a_url_is_read(urls: str | list[str], options: dict[str, Any]) -> None:
    assert ice_options([{"urls": urls, "username": "u", "credential": "c"}]) == options


def test_the_first_of_each_kind_is_used() -> None:
    options = ice_options(
        [
            {"urls": ["stuns:none.example", "stun:one.example"]},
            {"urls": ["stun:two.example", "turn:one.example"], "username": "u", "credential": "c"},
            {"urls": ["turn:two.example"], "username": "v", "credential": "d"},
        ]
    )
    assert options == {
        "stun_server": ("one.example", 3478),
        **turn("one.example", 3478, "udp"),
    }


def test_no_server_is_asked_unless_configured() -> None:
    assert ice_options([]) == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "nonsense",
        "turn:host:port",
        "turn:2001:db8::1",
        "turn:host?transport=sctp",
        "stun:host?transport=udp",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a URL is not of the form"):
        ice_options([{"urls": url}])
