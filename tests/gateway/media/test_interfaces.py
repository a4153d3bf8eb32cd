from __future__ import annotations

from ipaddress import ip_address

import ifaddr
import pytest

from gateway.media.interfaces import InterfaceFilter, OwnAddress, listing, own_addresses

OWN = [
    OwnAddress("lo", ip_address("127.0.0.1")),
    OwnAddress("lo", ip_address("::1")),
    OwnAddress("eth0", ip_address("10.0.0.5")),
    OwnAddress("eth0", ip_address("2001:db8::5")),
    OwnAddress("eth1", ip_address("192.0.2.5")),
    OwnAddress("docker0", ip_address("172.17.0.1")),
]


@pytest.mark.parametrize(
    ("patterns", "admitted"),
    [
        (["eth*"], ["10.0.0.5", "2001:db8::5", "192.0.2.5"]),
        (["eth1"], ["192.0.2.5"]),
        (["eth"], []),
        (["ETH0"], []),
        (["eth[!0]"], ["192.0.2.5"]),
        (["10.0.0.0/8"], ["10.0.0.5"]),
        (["10.0.0.99/24"], ["10.0.0.5"]),
        (["172.17.0.1"], ["172.17.0.1"]),
        (["2001:db8::/32", "lo"], ["127.0.0.1", "::1", "2001:db8::5"]),
        (["::/0"], ["::1", "2001:db8::5"]),
        (["*"], [str(own.address) for own in OWN]),
    ],
)
def test_names_and_networks_say_what_is_let_through(
    patterns: list[str], admitted: list[str]
) -> None:
    admits = InterfaceFilter(patterns).admits
    assert [str(own.address) for own in OWN if admits(own)] == admitted


def test_this_machine_has_loopback() -> None:
    assert ip_address("127.0.0.1") in [own.address for own in own_addresses()]


def test_ipv6_link_local_addresses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ifaddr.Adapter(
        "eth0",
        "eth0",
        [
            ifaddr.IP("169.254.1.2", 16, "eth0"),
            ifaddr.IP(("fe80::fc:ff:fe00:1", 0, 4), 64, "eth0"),
            ifaddr.IP(("2001:db8::5", 0, 0), 64, "eth0"),
        ],
    )
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [adapter])
    assert own_addresses() == [
        OwnAddress("eth0", ip_address("169.254.1.2")),
        OwnAddress("eth0", ip_address("2001:db8::5")),
    ]


def test_a_message_lists_them_by_interface() -> None:
    assert listing(OWN[:4]) == "eth0: 10.0.0.5, 2001:db8::5; lo: 127.0.0.1, ::1"
    assert listing([]) == ""
