"""Bindings in virtual time: how long they last, how many there are, and when they go."""

from __future__ import annotations

import pytest

from signaling.sip.message import Malformed, Request, parse
from signaling.sip.registrar import MAX_OF_NAME, Registrar
from signaling.sip.timers import Timers
from tests.signaling.sip.phone import Phone, Wire

CONTACT = "<sip:x1@192.0.2.7:5060>"


class Desk:
    """A registrar, and what phones get of it."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.registrar = Registrar(self.timers)
        self.wire = Wire()
        self.now = 100.0
        self.extra: tuple[tuple[str, str], ...] = ()

    def ask(
        self,
        phone: Phone,
        contact: str = CONTACT,
        account: str | None = "alice",
        wire: Wire | None = None,
        **headers: str,
    ) -> int:
        phone.contact = contact
        request = parse(phone.request("REGISTER", **headers))  # type: ignore[arg-type]
        assert isinstance(request, Request)
        flow = wire or self.wire
        code, self.extra = self.registrar.register(request, account, flow, self.now)
        return code

    @property
    def contacts(self) -> list[str]:
        """What the last response says is bound."""
        return [value for name, value in self.extra if name == "Contact"]

    def pass_to(self, now: float) -> None:
        self.now = now
        self.timers.run_due(now)


@pytest.mark.parametrize(
    ("contact", "expires", "seconds"),
    [
        (CONTACT, None, 3600),
        (CONTACT, "600", 600),
        (f"{CONTACT};expires=60", "600", 60),
        (CONTACT, "4294967295", 3600),
        (CONTACT, "soon", 3600),
        (f"{CONTACT};expires", "61", 61),
    ],
)
def test_a_binding_lasts_as_long_as_the_response_says(
    contact: str, expires: str | None, seconds: int
) -> None:
    desk, headers = Desk(), {} if expires is None else {"Expires": expires}
    assert desk.ask(Phone("alice"), contact, **headers) == 200
    assert desk.contacts == [f"{CONTACT};expires={seconds}"]
    desk.pass_to(desk.now + seconds - 1)
    (binding,) = desk.registrar.of("alice")
    assert binding.flow is desk.wire
    desk.pass_to(desk.now + 1)
    assert desk.registrar.of("alice") == []
    assert len(desk.timers) == 0


def test_a_refresh_moves_it_to_the_flow_it_came_by() -> None:
    desk, phone, moved = Desk(), Phone("alice"), Wire()
    desk.ask(phone, Expires="60")
    desk.now += 50
    assert desk.ask(phone, wire=moved, Expires="60") == 200
    desk.pass_to(desk.now + 30)
    (binding,) = desk.registrar.of("alice")
    assert binding.flow is moved
    phone.cseq -= 1
    assert desk.ask(phone, Expires="0") == 500, "one that was late"
    assert desk.ask(Phone("alice"), "") == 200
    assert desk.contacts == [f"{CONTACT};expires=30"], "without Contact it only asks"


def test_too_short_is_refused_and_then_nothing_changes() -> None:
    desk = Desk()
    assert desk.ask(Phone("alice"), f"<sip:y@h>;expires=900, {CONTACT};expires=59") == 423
    assert desk.extra == (("Min-Expires", "60"),)
    assert len(desk.registrar) == 0


def test_phones_go_one_by_one_or_all_at_once() -> None:
    desk = Desk()
    for contact in ("<sip:a@h>", "<sip:b@h>", "<sip:c@h>"):
        desk.ask(Phone("alice"), contact)
    assert desk.ask(Phone("alice"), "<sip:b@h>;expires=0") == 200
    assert desk.contacts == ["<sip:c@h>;expires=3600", "<sip:a@h>;expires=3600"]
    assert desk.ask(Phone("alice"), "*", Expires="0") == 200
    assert (desk.contacts, len(desk.registrar), len(desk.timers)) == ([], 0, 0)


def test_what_closes_takes_its_bindings_along() -> None:
    desk, page = Desk(), Wire(transport="ws", reliable=True)
    desk.ask(Phone("alice"), "<sip:a@h>")
    desk.ask(Phone("alice"), "<sip:b@x.invalid;transport=ws>", wire=page)
    desk.ask(Phone("bob"), "<sip:c@x.invalid;transport=ws>", "bob", wire=page)
    desk.registrar.close(page)
    assert [binding.contact for binding in desk.registrar.of("alice")] == ["sip:a@h"]
    assert desk.registrar.of("bob") == []
    assert len(desk.timers) == 1


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    many = ", ".join(f"<sip:{number}@h>" for number in range(MAX_OF_NAME + 2))
    assert desk.ask(Phone("alice"), many) == 200
    assert len(desk.registrar) == len(desk.contacts) == len(desk.timers) == MAX_OF_NAME
    assert desk.registrar.of("alice")[0].contact == f"sip:{MAX_OF_NAME + 1}@h"
    monkeypatch.setattr("signaling.sip.registrar.MAX_BINDINGS", MAX_OF_NAME)
    assert desk.ask(Phone("bob"), account="bob") == 503
    assert desk.ask(Phone("alice"), f"<sip:{MAX_OF_NAME}@h>") == 200, "it is there already"


def test_who_may_register() -> None:
    desk, here = Desk(), Wire(remote=("::1", 5060))
    assert desk.ask(Phone("alice"), account="bob") == 403
    assert desk.ask(Phone("alice"), account=None) == 403, "without accounts, this machine alone"
    assert desk.ask(Phone("alice"), account=None, wire=here) == 200
    nobody = Phone()
    nobody.uri = "sip:talkpath.example"
    assert desk.ask(nobody) == 404
    nobody.uri = "tel:+1"
    assert desk.ask(nobody) == 416


@pytest.mark.parametrize(
    ("contact", "expires"),
    [("*", "60"), ("tel:+1", "60"), ("<sip:" + "a" * 600 + "@h>", "60"), ("<<>", "60")],
)
def test_what_is_no_contact_is_refused(contact: str, expires: str) -> None:
    desk = Desk()
    with pytest.raises(Malformed):
        desk.ask(Phone("alice"), contact, Expires=expires)
    assert len(desk.registrar) == 0
