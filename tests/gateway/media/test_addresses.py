from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from gateway.media import addresses as module
from gateway.media.addresses import MediaAddresses, NoMediaAddress
from gateway.media.interfaces import OwnAddress

LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"
OWN, OWN_6, FOREIGN, FOREIGN_6 = "10.0.0.5", "2001:db8::5", "203.0.113.7", "2001:db8:ffff::7"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """This machine's addresses, those of loopback on ``lo``, the others on ``eth0``, ``eth1``, …"""
    named = []
    for address in map(ip_address, request.param):
        outward = sum(each.interface != "lo" for each in named)
        named.append(OwnAddress("lo" if address.is_loopback else f"eth{outward}", address))
    monkeypatch.setattr(module, "own_addresses", lambda: named)


@pytest.mark.parametrize(
    ("own", "listed", "local_only", "bind", "public"),
    [
        ([OWN, OWN_6], [], False, (OWN, OWN_6), {}),
        ([OWN], [], True, (OWN, LOOPBACK), {}),
        ([], [], False, (LOOPBACK,), {}),
        ([OWN], [LOOPBACK], True, (LOOPBACK,), {}),
        ([OWN], ["::1", LOOPBACK], False, ("::1", LOOPBACK), {}),
        ([OWN, "10.0.0.6"], [OWN], False, (OWN,), {}),
        ([OWN], [FOREIGN], False, (OWN,), {4: FOREIGN}),
        ([OWN], [FOREIGN], True, (OWN, LOOPBACK), {4: FOREIGN}),
        ([OWN, OWN_6], [FOREIGN], False, (OWN,), {4: FOREIGN}),
        ([OWN, OWN_6], [FOREIGN, FOREIGN_6], False, (OWN, OWN_6), {4: FOREIGN, 6: FOREIGN_6}),
        ([OWN, OWN_6], [FOREIGN, OWN_6], False, (OWN_6, OWN), {4: FOREIGN}),
        ([OWN, "10.0.0.6"], [OWN, FOREIGN], False, (OWN,), {4: FOREIGN}),
        ([OWN], [LOOPBACK, FOREIGN], False, (LOOPBACK, OWN), {4: FOREIGN}),
        ([OWN], [FOREIGN, "203.0.113.8"], False, (OWN,), {4: FOREIGN}),
        (["2001:DB8:0::5"], [OWN_6], False, (OWN_6,), {}),
        ([OWN], [OWN, OWN], False, (OWN,), {}),
        # Loopback of the machine's own, which is bound only where it is asked for.
        ([LOOPBACK, LOOPBACK_6, OWN], [], False, (OWN,), {}),
        ([LOOPBACK, LOOPBACK_6, OWN], [], True, (OWN, LOOPBACK, LOOPBACK_6), {}),
        ([LOOPBACK, LOOPBACK_6], [], False, (LOOPBACK, LOOPBACK_6), {}),
        ([LOOPBACK, LOOPBACK_6, OWN], [LOOPBACK_6], True, (LOOPBACK_6,), {}),
    ],
    indirect=["own"],
)
def test_addresses_are_bound_and_announced_as_the_setting_says(
    own: None,
    listed: Sequence[str],
    local_only: bool,
    bind: tuple[str, ...],
    public: dict[int, str],
) -> None:
    assert MediaAddresses.choose(listed, local_only) == MediaAddresses(bind, public)


@pytest.mark.parametrize("own", [[LOOPBACK, LOOPBACK_6, OWN, "10.0.0.6", OWN_6]], indirect=True)
@pytest.mark.parametrize(
    ("interfaces", "listed", "bind", "public"),
    [
        (["eth1"], [], ("10.0.0.6",), {}),
        (["eth0", "::/0"], [], (LOOPBACK_6, OWN, OWN_6), {}),
        (["lo"], [], (LOOPBACK, LOOPBACK_6), {}),
        (["*"], [FOREIGN], (LOOPBACK, OWN, "10.0.0.6"), {4: FOREIGN}),
        (["eth1"], [FOREIGN], ("10.0.0.6",), {4: FOREIGN}),
        (["eth*"], [OWN], (OWN,), {}),
        (["eth*"], [OWN, FOREIGN_6], (OWN, OWN_6), {6: FOREIGN_6}),
        (["lo"], ["127.0.0.9"], ("127.0.0.9",), {}),
    ],
)
@pytest.mark.parametrize("local_only", [False, True])
def test_what_the_filter_leaves_out_is_not_bound(
    own: None,
    interfaces: Sequence[str],
    listed: Sequence[str],
    local_only: bool,
    bind: tuple[str, ...],
    public: dict[int, str],
) -> None:
    chosen = MediaAddresses.choose(listed, local_only, interfaces)
    assert chosen == MediaAddresses(bind, public)


@pytest.mark.parametrize("own", [[LOOPBACK, OWN, OWN_6]], indirect=True)
@pytest.mark.parametrize(
    ("interfaces", "listed", "message"),
    [
        (
            ["wlan*", "192.168.0.0/16"],
            [],
            "MEDIA_INTERFACES=wlan*,192.168.0.0/16: none of this machine's addresses is let "
            f"through (eth0: {OWN}; eth1: {OWN_6}; lo: {LOOPBACK})",
        ),
        (
            ["eth1"],
            [OWN],
            f"MEDIA_INTERFACES=eth1: leaves out {OWN}, which PUBLIC_ADDRESS asks for",
        ),
        (
            ["eth0"],
            [LOOPBACK],
            f"MEDIA_INTERFACES=eth0: leaves out {LOOPBACK}, which PUBLIC_ADDRESS asks for",
        ),
        (
            ["eth0", "lo"],
            [FOREIGN_6],
            "MEDIA_INTERFACES=eth0,lo: leaves no IPv6 address "
            f"that {FOREIGN_6} of PUBLIC_ADDRESS could stand for",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    own: None, interfaces: Sequence[str], listed: Sequence[str], message: str
) -> None:
    with pytest.raises(NoMediaAddress) as refused:
        MediaAddresses.choose(listed, True, interfaces)
    assert str(refused.value) == message


def test_a_public_address_stands_for_all_but_loopback() -> None:
    addresses = MediaAddresses((OWN, OWN_6, LOOPBACK), {4: FOREIGN})
    assert [addresses.announced(a) for a in addresses.bind] == [FOREIGN, OWN_6, LOOPBACK]
    assert not addresses.loopback_only
    assert MediaAddresses((LOOPBACK, "::1")).loopback_only
