"""Where phones are: bindings of a name to the flows by which it is reached (RFC 3261 §10.3).

A binding is as good as the flow its REGISTER came by (RFC 5626 §3): behind a NAT, and for a page,
whose Contact names no host, there is no other way back. It ends with a closed connection.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from signaling.sip.dialog import user_of
from signaling.sip.message import MAX_URI, Malformed, Request, addresses
from signaling.sip.timers import Timers
from signaling.sip.transaction import Flow

MIN_EXPIRES: Final = 60
MAX_EXPIRES: Final = 3_600
"""Seconds that a binding lasts: less is refused, more cut down. The most is the default, too."""

MAX_OF_NAME: Final = 8
"""Bindings of one name; the oldest makes room."""

MAX_BINDINGS: Final = 2_000

RETRY_AFTER: Final = "60"
"""Seconds; the first binding that ends makes room."""

_ALL: Final = "*"

Answer = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One way to reach a name.

    :ivar contact: the URI that a request by ``flow`` is for.
    :ivar expires_at: on the clock of ``now``.
    :ivar cseq: of the REGISTER, in the order of those with its Call-ID.
    """

    contact: str
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int


class Registrar:
    """All bindings, by the user part of their address-of-record: every host is this gateway."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._bindings: dict[str, dict[str, Binding]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._bindings.values()))

    def of(self, user: str) -> list[Binding]:
        """The ways to reach ``user``, the latest first."""
        return list(reversed(self._bindings.get(user, {}).values()))

    def register(self, asked: Request, account: str | None, flow: Flow, now: float) -> Answer:
        """Do what a REGISTER asks for, all of it or nothing.

        :param account: whose password came with it; None: there are no accounts, and only phones
            of this machine are taken.
        :returns: the response's code and headers.
        :raises Malformed: To, Contact or Expires breaks a rule.
        """
        if user_of(asked.uri) is None:
            return 416, ()
        user = user_of(_address_of_record(asked))
        if not user:
            return 404, ()
        may = _is_loopback(flow) if account is None else account == user
        if not may:
            return 403, ()
        known = self._bindings.get(user, {})
        wanted = _wanted(asked, known)
        if any(0 < seconds < MIN_EXPIRES for seconds in wanted.values()):
            return 423, (("Min-Expires", str(MIN_EXPIRES)),)
        if any(_is_late(asked, known.get(contact)) for contact in wanted):
            return 500, ()
        if len(self) + sum(contact not in known for contact in wanted) > MAX_BINDINGS:
            return 503, (("Retry-After", RETRY_AFTER),)
        for contact, seconds in wanted.items():
            self._remove(user, contact)
            if seconds:
                until = now + min(seconds, MAX_EXPIRES)
                self._add(user, Binding(contact, flow, until, asked.call_id, asked.cseq))
        return 200, tuple(
            ("Contact", f"<{binding.contact}>;expires={round(binding.expires_at - now)}")
            for binding in self.of(user)
        )

    def close(self, flow: Flow) -> None:
        """Nobody is reached by ``flow`` any more."""
        gone = [
            (user, binding.contact)
            for user, bindings in self._bindings.items()
            for binding in bindings.values()
            if binding.flow is flow
        ]
        for user, contact in gone:
            self._remove(user, contact)

    def _add(self, user: str, binding: Binding) -> None:
        bindings = self._bindings.setdefault(user, {})
        if len(bindings) >= MAX_OF_NAME:
            self._remove(user, next(iter(bindings)))
        bindings[binding.contact] = binding
        self._timers.set(
            (Binding, user, binding.contact),
            binding.expires_at,
            lambda now: self._remove(user, binding.contact),
        )

    def _remove(self, user: str, contact: str) -> None:
        self._timers.cancel((Binding, user, contact))
        bindings = self._bindings.get(user, {})
        bindings.pop(contact, None)
        if not bindings:
            self._bindings.pop(user, None)


def _is_late(asked: Request, known: Binding | None) -> bool:
    """Whether a later REGISTER of the same phone came before (RFC 3261 §10.3, step 7)."""
    return known is not None and known.call_id == asked.call_id and asked.cseq <= known.cseq


def _is_loopback(flow: Flow) -> bool:
    return ipaddress.ip_address(flow.remote[0].partition("%")[0]).is_loopback


def _address_of_record(asked: Request) -> str:
    (to,) = addresses(asked.headers["To"])
    return str(to.uri)


def _wanted(asked: Request, known: dict[str, Binding]) -> dict[str, int]:
    """Seconds for each Contact; 0: it is to go."""
    values = asked.headers.getlist("Contact")
    expires = asked.headers.get("Expires")
    if _ALL in values:
        if len(values) > 1 or expires is None or _seconds(expires) != 0:
            raise Malformed("* goes alone, with Expires: 0", 400, asked.headers)
        return dict.fromkeys(known, 0)
    wanted: dict[str, int] = {}
    try:
        for contact in (contact for value in values for contact in addresses(value)):
            uri = str(contact.uri)
            if len(uri) > MAX_URI or user_of(uri) is None:
                raise Malformed("Contact is no address of a phone", 400, asked.headers)
            wanted[uri] = _seconds(contact.parameters.get("expires") or expires)
    except (ValueError, TypeError):
        raise Malformed("Contact cannot be read", 400, asked.headers) from None
    return wanted


def _seconds(expires: str | None) -> int:
    """What cannot be read is the default (RFC 3261 §10.3, step 7)."""
    if expires is None or not re.fullmatch(r"\d{1,10}", expires, re.ASCII):
        return MAX_EXPIRES
    return int(expires)
