"""How addresses and accounts are written."""

import pytest

from gateway.config import SettingsError, load_settings
from gateway.sip_settings import SipAddress, parse_addresses, parse_users


def test_addresses() -> None:
    assert parse_addresses("udp:127.0.0.1:5060, TLS:[::1]:5061") == (
        SipAddress("udp", "127.0.0.1", 5060),
        SipAddress("tls", "::1", 5061),
    )
    assert str(SipAddress("tls", "::1", 5061)) == "tls:[::1]:5061"


@pytest.mark.parametrize(
    "value", ["5060", "sctp:127.0.0.1:5060", "udp:127.0.0.1:70000", "udp::1:5"]
)
def test_what_is_no_address_stops_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^SIP_LISTEN=.*expected addresses"):
        load_settings(sip_listen=value)


def test_users_are_secret() -> None:
    settings = load_settings(sip_users="alice:se:cret,bob:x")
    assert settings.sip_users["alice"].get_secret_value() == "se:cret"
    assert "se:cret" not in repr(settings)
    with pytest.raises(ValueError, match="user:password"):
        parse_users("alice")
    with pytest.raises(SettingsError, match=r"^SIP_USERS: expected") as caught:
        load_settings(sip_users="alice")
    assert "alice" not in str(caught.value)


def test_a_network_may_call_only_if_that_is_meant() -> None:
    with pytest.raises(SettingsError, match=r"^SIP_LISTEN=udp:0\.0\.0\.0:5060 lets anyone"):
        load_settings(sip_listen="udp:0.0.0.0:5060")
    load_settings(sip_listen="udp:0.0.0.0:5060", sip_users="alice:secret")
    load_settings(sip_listen="udp:0.0.0.0:5060", allow_anonymous=True)
    load_settings(sip_listen="udp:127.0.0.1:5060,tcp:localhost:5060,tls:[::1]:5061")
