"""What follows from an INVITE of ours (RFC 3261 §9.1, §17.1.1.3)."""

from signaling.sip.message import Response, parse
from signaling.sip.outgoing import Outgoing
from tests.signaling.sip.phone import header

INVITE = Outgoing(
    "INVITE",
    "sip:bob@b.example",
    (
        ("Via", "SIP/2.0/UDP a.example;branch=z9hG4bK-7;rport"),
        ("Route", "<sip:p1;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("From", "<sip:a>;tag=1"),
        ("To", "<sip:bob@b.example>"),
        ("Call-ID", "c"),
        ("CSeq", "7 INVITE"),
    ),
    "v=0",
)
REFUSAL = (
    "SIP/2.0 486 X\r\nVia: SIP/2.0/UDP a;branch=b\r\nTo: <sip:b>;tag=2\r\nCSeq: 7 INVITE\r\n\r\n"
)


def test_cancel_and_ack_are_of_the_same_transaction() -> None:
    refusal = parse(REFUSAL.encode())
    assert isinstance(refusal, Response)
    assert INVITE.branch == "z9hG4bK-7"
    for message, method, to in (
        (INVITE.cancel((("Reason", "SIP;cause=200"),)), "CANCEL", "<sip:bob@b.example>"),
        (INVITE.ack(refusal), "ACK", "<sip:b>;tag=2"),
    ):
        text = message.encode().decode()
        assert text.startswith(f"{method} sip:bob@b.example SIP/2.0")
        for name in ("Via", "From", "Call-ID"):
            assert header(text, name) == INVITE[name]
        assert text.count("Route: <sip:p") == 2
        assert header(text, "CSeq") == f"7 {method}"
        assert header(text, "To") == to
        assert header(text, "Content-Length") == "0"
