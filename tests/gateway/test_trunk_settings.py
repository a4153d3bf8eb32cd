"""How trunks are written, and what stops the start."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from gateway.config import SettingsError, load_settings
from gateway.trunk_settings import SipTrunk, TrunkUri

ACME = {
    "name": "acme",
    "uri": "sip:sip.acme.example:5061;transport=tls",
    "user": "1234",
    "password": "hidden",
    "register": True,
    "expires": 900,
    "qualify": 0,
    "from": "sip:+4930123@acme.example",
    "addresses": ["203.0.113.0/24", "2001:db8::1"],
    "agentSet": "support",
    "ca": "acme.pem",
}


def trunks(*given: dict[str, Any], listen: str = "udp:127.0.0.1:5060") -> tuple[SipTrunk, ...]:
    return load_settings(sip_listen=listen, sip_trunks=json.dumps(given)).sip_trunks


def test_all_of_a_trunk() -> None:
    (trunk,) = trunks(ACME)
    assert trunk.uri == TrunkUri("sip.acme.example", 5061, "tls")
    assert trunk.registers
    assert (trunk.expires, trunk.qualify) == (900, 0)
    assert (trunk.sender, trunk.agent_set) == ("sip:+4930123@acme.example", "support")
    assert ipaddress.ip_address("203.0.113.9") in trunk.addresses[0]
    assert trunk.password is not None
    assert trunk.password.get_secret_value() == "hidden"
    assert "hidden" not in repr(trunk)


def test_little_will_do() -> None:
    (trunk,) = trunks({"name": "pbx", "uri": "sip:pbx.example"})
    assert trunk.uri == TrunkUri("pbx.example", None, "udp")
    assert not trunk.registers
    assert (trunk.expires, trunk.qualify, trunk.addresses) == (600, 60, ())


@pytest.mark.parametrize(
    ("uri", "parsed", "domain"),
    [
        ("sips:acme.example", TrunkUri("acme.example", None, "tls"), "acme.example"),
        ("SIP:Acme.example;transport=TCP", TrunkUri("acme.example", None, "tcp"), "acme.example"),
        ("sip:[2001:db8::1]:5080", TrunkUri("2001:db8::1", 5080, "udp"), "[2001:db8::1]:5080"),
        ("sip:192.0.2.1", TrunkUri("192.0.2.1", None, "udp"), "192.0.2.1"),
    ],
)
def test_uris(uri: str, parsed: TrunkUri, domain: str) -> None:
    (trunk,) = trunks({"name": "pbx", "uri": uri})
    assert trunk.uri == parsed
    assert trunk.uri.domain == domain


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"uri": "http://acme"}, "http://acme is not of the form sip:HOST:PORT;transport=tls"),
        ({"uri": "sip:acme:99999"}, "is not of the form"),
        ({"uri": "sip:acme:0"}, "is not of the form"),
        ({"uri": "sip:1234@acme"}, "is not of the form"),
        ({"uri": "sip:acme;transport=ws"}, "is not of the form"),
        ({"uri": "sips:acme;transport=udp"}, "sips goes by tls"),
        ({"uri": 5}, "expected a JSON list of"),
        ({"from": "me"}, "me is not of the form sip:NAME@HOST"),
        ({"from": "sip:a@b\r\nX: y"}, "is not of the form sip:NAME@HOST"),
        ({"user": "a\nb"}, "expected a JSON list of"),
        ({"user": None}, "acme needs a user"),
        ({"uri": "sip:acme"}, "acme has a ca, but does not go by tls"),
        ({"addresses": ["203.0.113.0/33"]}, "expected a JSON list of"),
        ({"addresses": ["203.0.113.5/24"]}, "expected a JSON list of"),
        ({"expires": 5}, "expected a JSON list of"),
        ({"name": "a b"}, "expected a JSON list of"),
        ({"passwrod": "x"}, "expected a JSON list of"),
    ],
)
def test_what_cannot_be_used_stops_the_start(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        trunks({**ACME, **change})
    told = str(caught.value)
    assert told.startswith("SIP_TRUNKS: ")
    assert reason in told
    assert "hidden" not in told


def test_the_list_as_a_whole() -> None:
    with pytest.raises(SettingsError, match="SIP_TRUNKS: two trunks have the same name"):
        trunks(ACME, ACME)
    with pytest.raises(SettingsError, match="SIP_TRUNKS: not JSON"):
        load_settings(sip_trunks="[{")
    with pytest.raises(SettingsError, match="SIP_TRUNKS: expected"):
        load_settings(sip_trunks="{}")


def test_a_trunk_by_udp_needs_a_udp_socket() -> None:
    with pytest.raises(SettingsError, match="SIP_TRUNKS: pbx goes by udp, and SIP_LISTEN has no"):
        trunks({"name": "pbx", "uri": "sip:pbx.example"}, listen="tcp:127.0.0.1:5060")
    assert trunks(ACME, listen="tcp:127.0.0.1:5060")


def test_with_trunks_a_network_address_is_not_open_to_all() -> None:
    assert trunks(ACME, listen="udp:0.0.0.0:5060")
