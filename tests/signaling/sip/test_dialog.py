"""Dialogs: targets, routes, and what breaks them."""

import pytest

from signaling.sip.dialog import MAX_ROUTES, Dialog, contact, user_of
from signaling.sip.message import Malformed, Request, parse
from tests.signaling.sip.phone import Phone, Wire, header


def dialog(**headers: str) -> Dialog:
    asked = parse(Phone().request("INVITE", "x", **headers))  # type: ignore[arg-type]
    assert isinstance(asked, Request)
    return Dialog.of_callee(asked, Wire())


def test_a_strict_router_gets_itself_as_the_uri() -> None:
    """RFC 3261 §12.2.1.1"""
    made = dialog(Record_Route="<sip:old.example>, <sip:new.example;lr>")
    bye = made.request("BYE", "z9hG4bK1").encode().decode()
    assert bye.startswith("BYE sip:old.example SIP/2.0")
    assert header(bye, "Route") == "<sip:new.example;lr>"
    assert bye.count("Route: <sip:alice@192.0.2.7:5060>") == 1


def test_sequence_numbers_go_up() -> None:
    made = dialog()
    numbers = [made.request("BYE", "b").cseq for _ in range(3)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


@pytest.mark.parametrize(
    "route", ["<sip:a", ",".join(["<sip:a;lr>"] * (MAX_ROUTES + 1)), "<sip:a>;self=1"]
)
def test_a_route_that_cannot_be_followed_breaks_it(route: str) -> None:
    with pytest.raises(Malformed):
        dialog(Record_Route=route)


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        ("udp", "<sip:agent@198.51.100.1:5060>"),
        ("ws", "<sip:agent@198.51.100.1:5060;transport=ws>"),
        ("wss", "<sip:agent@198.51.100.1:5060;transport=ws>"),
    ],
)
def test_contact_names_the_transport(transport: str, expected: str) -> None:
    assert contact(Wire(transport)) == expected


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:agent@host", "agent"),
        ("SIPS:a%67ent@host;transport=tls", "agent"),
        ("sip:host:5060", ""),
        ("tel:+1", None),
        ("sip:", None),
        ("sip:agent@host;self=1", None),
    ],
)
def test_who_is_called(uri: str, user: str | None) -> None:
    assert user_of(uri) == user
