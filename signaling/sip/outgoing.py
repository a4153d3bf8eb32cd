"""A request of ours, and those that follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from signaling.sip.message import Response, request

Header = tuple[str, str]
"""Name and value."""

CREDENTIALS: Final = ("Authorization", "Proxy-Authorization")
"""Headers that the ACK of a 2xx has in common with its INVITE (RFC 3261 §13.2.2.4)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """:ivar headers: in order; the first is Via.
    :ivar kind: the body's type.
    """

    method: str
    uri: str
    headers: tuple[Header, ...]
    body: str = ""
    kind: str = "application/sdp"

    def encode(self) -> bytes:
        return request(self.method, self.uri, self.headers, self.body, self.kind)

    def all(self, name: str) -> list[str]:
        """The values of a header."""
        return [value for found, value in self.headers if found == name]

    def __getitem__(self, name: str) -> str:
        """The first value of a header. :raises IndexError: there is none."""
        return self.all(name)[0]

    @property
    def cseq(self) -> int:
        return int(self["CSeq"].split()[0])

    @property
    def branch(self) -> str:
        return self["Via"].partition(";branch=")[2].partition(";")[0]

    def ack(self, refusal: Response) -> Outgoing:
        """The ACK of an INVITE that was refused, in its transaction (RFC 3261 §17.1.1.3)."""
        return self._following("ACK", refusal.headers.get("To") or self["To"], ())

    def cancel(self, extra: Iterable[Header] = ()) -> Outgoing:
        """The CANCEL of an INVITE, by the same branch. It may go out after a 1xx to the INVITE,
        and not before (RFC 3261 §9.1).
        """
        return self._following("CANCEL", self["To"], extra)

    def _following(self, method: str, to: str, extra: Iterable[Header]) -> Outgoing:
        headers = (
            ("Via", self["Via"]),
            *(("Route", route) for route in self.all("Route")),
            ("Max-Forwards", "70"),
            ("From", self["From"]),
            ("To", to),
            ("Call-ID", self["Call-ID"]),
            ("CSeq", f"{self.cseq} {method}"),
            *extra,
        )
        return Outgoing(method, self.uri, headers)
