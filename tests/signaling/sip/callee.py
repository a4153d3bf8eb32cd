"""A phone that is called, for tests: answers what the gateway sends, by hand."""

from __future__ import annotations

from tests.signaling.sip.phone import header

ECHOED = ("Via", "From", "To", "Call-ID", "CSeq")


def reply(asked: str, code: int, body: str = "", *, tag: str = "", **headers: str) -> bytes:
    """A response to a request of the gateway's.

    :param tag: put on To, unless it is a request within a dialog.
    """
    given = {name: header(asked, name) for name in ECHOED}
    if tag and ";tag=" not in given["To"]:
        given["To"] += f";tag={tag}"
    if code < 300 and code > 100:
        given["Contact"] = "<sip:bob@192.0.2.7:5060>"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        given["Content-Type"] = "application/sdp"
    lines = [f"SIP/2.0 {code} X", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def request(invite: str, method: str, cseq: int, *, tag: str, body: str = "") -> bytes:
    """A request of the callee's within the call that ``invite`` began."""
    lines = [
        f"{method} sip:agent@198.51.100.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-{tag}-{cseq}-{method}",
        "Max-Forwards: 70",
        f"From: {header(invite, 'To')};tag={tag}",
        f"To: {header(invite, 'From')}",
        f"Call-ID: {header(invite, 'Call-ID')}",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:bob@192.0.2.7:5060>",
    ]
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()
