"""Reading and writing messages; whatever is in them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.message import (
    MAX_HEADERS,
    Malformed,
    Request,
    Response,
    note_source,
    parse,
    response,
    warning,
)
from tests.signaling.sip.phone import OFFER, Phone, header

INVITE = Phone().invite()


def read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_a_request_is_read() -> None:
    phone = Phone()
    asked = read(phone.invite())
    assert (asked.method, asked.uri) == ("INVITE", "sip:agent@talkpath.example")
    assert (asked.call_id, asked.from_tag, asked.to_tag) == (phone.call_id, phone.from_tag, "")
    assert (asked.cseq, asked.sent_by) == (1, "10.0.0.7:5060")
    assert asked.body.decode() == OFFER


def test_compact_names_folded_lines_and_bare_line_ends_are_read() -> None:
    text = (
        "OPTIONS sip:h SIP/2.0\nv: SIP / 2.0 / UDP 192.0.2.1\n ;branch=z9hG4bK1\n"
        "f : <sip:a@b>;tag=1\nT: sip:h\ni:x\nCSeq: 7\n\tOPTIONS\nl: 0\n\nrest"
    )
    asked = read(text.encode())
    assert (asked.branch, asked.from_tag, asked.call_id, asked.cseq) == ("z9hG4bK1", "1", "x", 7)
    assert asked.body == b"", "what is beyond Content-Length is not the body's"


def test_a_response_is_read() -> None:
    data = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=b\r\nCSeq: 1 BYE\r\n\r\n"
    message = parse(data)
    assert isinstance(message, Response)
    assert (message.code, message.branch, message.method) == (200, "b", "BYE")


def test_a_response_echoes_what_came_and_says_where_from() -> None:
    asked = read(
        Phone().invite().replace(b";rport", b';x="a,b";rport , SIP/2.0/UDP 10.9.9.9;branch=old')
    )
    note_source(asked.headers, "2001:db8::1", 4000)
    text = response(asked.headers, 486, "ours").decode()
    via = header(text, "Via")
    assert ';x="a,b";rport=4000;received=2001:db8::1' in via.replace(" ;", ";")
    assert via.endswith(", SIP/2.0/UDP 10.9.9.9;branch=old")
    assert header(text, "To") == "<sip:agent@talkpath.example>;tag=ours"
    assert header(text, "From").startswith('"Alice" <sip:alice@phone.example>;tag=from-')


def test_a_tag_is_added_once_and_not_to_100() -> None:
    phone = Phone("agent;tag=decoy")
    asked = read(phone.invite())
    assert header(response(asked.headers, 200, "ours").decode(), "To").endswith(">;tag=ours")
    assert header(response(asked.headers, 100, "ours").decode(), "To").endswith(">")
    phone.to_tag = "theirs"
    asked = read(phone.invite())
    assert header(response(asked.headers, 200, "ours").decode(), "To").endswith(">;tag=theirs")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia", 505),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", 400),
        (b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE", 400),
        (b"CSeq: 1 INVITE", b"CSeq: 1 INVITE\r\nCSeq: 1 INVITE", 400),
        (b"Content-Length: ", b"Content-Length: 9", 400),
        (b"Content-Length: ", b"Content-Length: -", 400),
        (b";branch", b";self=1;branch", 400),
        (b"<sip:agent@talkpath.example>\r\n", b"<sip:agent@talkpath.example\r\n", 400),
        (b"sip:agent@talkpath.example SIP", b"sip:" + b"a" * 600 + b" SIP", 400),
    ],
)
def test_what_is_wrong_with_a_request_is_answered(old: bytes, new: bytes, code: int) -> None:
    data = Phone().invite()
    assert old in data
    with pytest.raises(Malformed) as caught:
        parse(data.replace(old, new, 1))
    assert caught.value.code == code
    assert caught.value.headers is not None
    response(caught.value.headers, code, "tag")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        Phone().invite().replace(b"\r\n\r\n", b"\r\n"),
        Phone().invite().replace(b"Alice", b"\xff"),
        Phone().invite().replace(b"Via", b"X: y\r\n" * MAX_HEADERS + b"Via"),
        Phone().invite().replace(b"Max-Forwards: 70", b"Subject: " + b"a" * 3000),
        Phone().invite().replace(b"Via: ", b'Via: "'),
        Phone().request("ACK").replace(b"Call-ID", b"Call-IE"),
        Phone().request("ACK").replace(b"Content-Length: 0", b"Content-Length: 5"),
        b"SIP/2.0 999 Who\r\nVia: SIP/2.0/UDP h;branch=b\r\nCSeq: 1 BYE\r\n\r\n",
    ],
)
def test_what_is_no_message_is_not_answered(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse(data)
    assert caught.value.headers is None


@pytest.mark.parametrize(
    "value", ["<tel:+" + "1" * 1900 + "x>", '"' * 1900, "<sip:" + "a-" * 900 + ">"]
)
def test_no_address_takes_long_to_be_read(value: str) -> None:
    data = Phone().invite().replace(b'"Alice" <sip:alice@phone.example>', value.encode())
    started = time.perf_counter()
    with pytest.raises(Malformed):
        parse(data)
    assert time.perf_counter() - started < 0.02


@settings(max_examples=5_000, deadline=None)
@given(st.data())
def test_mutated_messages_are_read_or_refused(data: st.DataObject) -> None:
    text = bytearray(INVITE)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 20))
        text[at : at + cut] = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"\r\n", b'"', b";", b"<", b"tag=", b"%", b","])
        )
    try:
        message = parse(bytes(text))
    except Malformed as error:
        if error.headers is not None:
            note_source(error.headers, "192.0.2.1", 5060)
            response(error.headers, error.code, "tag")
        return
    if isinstance(message, Request):
        note_source(message.headers, "192.0.2.1", 5060)
        response(message.headers, 486, "tag")


@given(st.text())
def test_a_warning_is_one_header_whatever_it_quotes(reason: str) -> None:
    name, value = warning(reason)
    message = parse(response(read(INVITE).headers, 488, "x", ((name, value), ("X-Last", "1"))))
    assert isinstance(message, Response)
    assert message.headers["Warning"] == value
    assert message.headers["X-Last"] == "1"
    assert re.fullmatch(r'399 talkpath "(?:[^"\\]|\\.)*"', value)


def test_a_warning_says_why() -> None:
    assert warning('no "x"\\\r\nA: b') == ("Warning", r'399 talkpath "no \"x\"\\A: b"')
