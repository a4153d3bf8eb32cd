"""A telephone for tests: writes SIP by hand, over a flow that is a list or a real socket."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass, field

_numbers = itertools.count(1)

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


@dataclass
class Wire:
    """A flow whose other end is the test."""

    transport: str = "udp"
    remote: tuple[str, int] = ("192.0.2.7", 5060)
    local: str = "198.51.100.1:5060"
    reliable: bool = False
    sent: list[str] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        self.sent.append(data.decode())

    def take(self) -> list[str]:
        """What was sent since the last time."""
        taken, self.sent = self.sent, []
        return taken

    @property
    def codes(self) -> list[str]:
        """What was sent since the last time: codes of responses, methods of requests."""
        return [kind(message) for message in self.take()]


def kind(message: str) -> str:
    """The code of a response, the method of a request."""
    first = message.split(" ", 2)
    return first[1] if first[0] == "SIP/2.0" else first[0]


def header(message: str, name: str) -> str:
    """The first value of a header; empty if there is none."""
    found = re.search(rf"^{name}:[ \t]*(.*?)\r$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


class Phone:
    """One caller's side of one dialog."""

    def __init__(self, user: str = "agent", transport: str = "UDP", contact: str = "") -> None:
        number = next(_numbers)
        self.uri = f"sip:{user}@talkpath.example"
        self.call_id = f"call-{number}@phone"
        self.from_tag = f"from-{number}"
        self.to_tag = ""
        self.cseq = 0
        self.transport = transport
        self.contact = contact or "<sip:alice@192.0.2.7:5060>"

    def branch(self) -> str:
        return f"z9hG4bK-{next(_numbers)}"

    def request(
        self,
        method: str,
        body: str = "",
        *,
        cseq: int | None = None,
        branch: str | None = None,
        uri: str | None = None,
        kind: str = "application/sdp",
        **headers: str,
    ) -> bytes:
        """A request of the dialog; its CSeq is the next one, unless it is given."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        tag = f";tag={self.to_tag}" if self.to_tag else ""
        lines = [
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} 10.0.0.7:5060;branch={branch or self.branch()};rport",
            "Max-Forwards: 70",
            f'From: "Alice" <sip:alice@phone.example>;tag={self.from_tag}',
            f"To: <{self.uri}>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: {self.contact}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join([*lines, "", body]).encode()

    def invite(self, body: str = OFFER, **options: str) -> bytes:
        return self.request("INVITE", body, **options)  # type: ignore[arg-type]

    def ack(self, **options: str) -> bytes:
        """Of the last INVITE, and of its branch if that is given."""
        return self.request("ACK", cseq=self.cseq, **options)  # type: ignore[arg-type]

    def hear(self, response: str) -> str:
        """Learn the callee's tag."""
        found = re.search(r";tag=([^;>\s]+)", header(response, "To"))
        self.to_tag = found[1] if found else ""
        return response


def authorization(challenge: str, user: str, password: str, uri: str, **other: str) -> str:
    """The answer to a ``WWW-Authenticate``, with qop."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    count, cnonce = other.get("nc", "00000001"), other.get("cnonce", "xyz")

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret, asked = (
        md5(f"{user}:{given['realm']}:{password}"),
        md5(f"{other.get('method', 'INVITE')}:{uri}"),
    )
    response = md5(f"{secret}:{given['nonce']}:{count}:{cnonce}:auth:{asked}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
        f'uri="{uri}", response="{response}", algorithm=MD5, '
        f'cnonce="{cnonce}", qop=auth, nc={count}'
    )
