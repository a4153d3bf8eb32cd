"""SIP messages as bytes and back, within bounds (RFC 3261 §7, §25).

The grammar of URIs, addresses, Via and CSeq is ``sipmessage``'s. What it would take in any length,
or take apart and put together differently, is done here: a header that goes back into a response is
echoed as it came.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, NoReturn

from sipmessage import URI, Address, CSeq, Headers, Via
from sipmessage.message import COMPACT_FORMS

MAX_MESSAGE: Final = 65_535
"""Bytes; what one UDP datagram can hold."""

MAX_HEAD: Final = 16_384
"""Bytes before the body."""

MAX_HEADERS: Final = 128

MAX_VALUE: Final = 2_048
"""Characters of one header."""

MAX_URI: Final = 512
"""Characters."""

MAX_CSEQ: Final = 2**31 - 1

MAGIC_COOKIE: Final = "z9hG4bK"
"""Begins a branch that is unique (RFC 3261 §8.1.1.7)."""

PHRASES: Final = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
}

_ECHOED: Final = ("Via", "From", "To", "Call-ID", "CSeq")
_SINGLE: Final = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_TOKEN: Final = re.compile(r"[\w.!%*+`'~-]{1,256}", re.ASCII)
_VERSION: Final = re.compile(r"SIP/\d{1,3}\.\d{1,3}", re.ASCII)
_BREAK: Final = re.compile(r"\r?\n")
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
# The grammar's expression for a number takes time by the square of its length.
_LONG_NUMBER: Final = re.compile(r"tel:[^;>]{65}", re.IGNORECASE)
_TAG: Final = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_RPORT: Final = re.compile(r";\s*rport\s*(?==[^;,]*|(?=[;,])|$)(=[^;,]*)?", re.IGNORECASE)
_RECEIVED: Final = re.compile(r";\s*received\s*=([^;,]*)", re.IGNORECASE)
_URI: Final = re.compile(r"[a-z][a-z\d+.-]*:[^\s<>\"]+", re.IGNORECASE | re.ASCII)
_SIP: Final = re.compile(r"sips?:", re.IGNORECASE)
_IPV4_IN_IPV6: Final = re.compile(r"(?<=[^:]::)\d{1,3}(?:\.\d{1,3}){3}(?=\])", re.ASCII)
_FIRST_VALUE: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')


class Malformed(Exception):
    """Not a SIP message, or one that breaks a bound.

    :ivar code: the response that says so.
    :ivar headers: of the request, if a response to it can be made.
    """

    def __init__(self, reason: str, code: int = 400, headers: Headers | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose mandatory headers are there and can be read.

    :ivar uri: the Request-URI as it came, in bounds.
    :ivar sent_by: host and port of the topmost Via.
    :ivar to_tag: empty outside of a dialog.
    """

    method: str
    uri: str
    headers: Headers
    body: bytes
    sent_by: str
    branch: str
    call_id: str
    cseq: int
    from_tag: str
    to_tag: str


@dataclass(frozen=True, slots=True)
class Response:
    """A response; ``method`` is that of the request it answers.

    :ivar to_tag: whose answer it is; empty in a 100, and where To is missing.
    """

    code: int
    headers: Headers
    branch: str
    method: str
    to_tag: str = ""
    body: bytes = b""


def parse(data: bytes) -> Request | Response:
    """The message in a datagram, a WebSocket frame, or a stretch of a stream.

    :raises Malformed: whatever is wrong with it.
    """
    found = _HEAD_END.search(data, 0, MAX_HEAD)
    if found is None:
        raise Malformed("the headers do not end")
    try:
        head = data[: found.start()].decode()
    except UnicodeDecodeError:
        raise Malformed("the headers are not UTF-8") from None
    first, _, rest = _FOLD.sub(" ", head).partition("\n")
    start = first.rstrip("\r").split(" ", 2)
    headers = _headers(rest)
    if len(start) == 3 and _VERSION.fullmatch(start[0]):
        return _response(start[1], headers, data[found.end() :])
    if start[0].upper().startswith("SIP/"):
        raise Malformed("a response that is none")
    if len(start) != 3 or not _VERSION.fullmatch(start[2]) or not _TOKEN.fullmatch(start[0]):
        _refuse(headers, "neither a request nor a response")
    method, uri, version = start
    if version != "SIP/2.0":
        _refuse(headers, "not SIP/2.0", 505)
    if not _is_uri(uri):
        _refuse(headers, "the Request-URI cannot be read")
    return _request(method, uri, headers, _body(data[found.end() :], headers))


def _headers(text: str) -> Headers:
    lines = _BREAK.split(text, MAX_HEADERS) if text else []
    if len(lines) > MAX_HEADERS:
        raise Malformed("too many headers")
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _TOKEN.fullmatch(name) or len(value) > MAX_VALUE or "\r" in value:
            raise Malformed("a header is not one")
        headers.add(COMPACT_FORMS.get(name.lower(), name), value.strip())
    return headers


def _body(rest: bytes, headers: Headers) -> bytes:
    """As long as Content-Length says: a datagram may be longer (RFC 3261 §18.3)."""
    stated = headers.get("Content-Length")
    if stated is None:
        return rest
    length = content_length(stated)
    if length is None or length > len(rest):
        _refuse(headers, "the body is not as long as Content-Length says")
    return rest[:length]


def content_length(value: str) -> int | None:
    """A Content-Length in bounds; None if it is not."""
    if not re.fullmatch(r"\d{1,10}", value, re.ASCII) or int(value) > MAX_MESSAGE:
        return None
    return int(value)


def _response(code: str, headers: Headers, rest: bytes) -> Response:
    """Nobody is told of one that is malformed."""
    try:
        via = _top_via(headers)
        answered = CSeq.parse(headers["CSeq"])
        to_tag = _tag(headers["To"]) if headers.get("To") else ""
        body = _body(rest, headers)
    except (ValueError, TypeError, KeyError):
        raise Malformed("a response to nothing") from None
    except Malformed as error:
        raise Malformed(str(error)) from None
    if not re.fullmatch(r"[1-6]\d\d", code, re.ASCII):
        raise Malformed("a response without a code")
    branch = via.parameters.get("branch") or ""
    return Response(int(code), headers, branch, answered.method, to_tag, body)


def _request(method: str, uri: str, headers: Headers, body: bytes) -> Request:
    for name in _SINGLE:
        if len(headers.getlist(name)) > 1:
            _refuse(headers, f"more than one {name}")
    # A parameter named "self" is a TypeError in the parser.
    try:
        via = _top_via(headers)
        cseq = CSeq.parse(headers["CSeq"])
        call_id = headers["Call-ID"]
        from_tag, to_tag = (_tag(headers[name]) for name in ("From", "To"))
    except (ValueError, TypeError, KeyError):
        _refuse(headers, "a mandatory header is missing or cannot be read")
    if cseq.method != method or cseq.sequence > MAX_CSEQ or not call_id:
        _refuse(headers, "CSeq or Call-ID is wrong")
    sent_by = via.host.lower() if via.port is None else f"{via.host.lower()}:{via.port}"
    branch = via.parameters.get("branch") or ""
    return Request(
        method, uri, headers, body, sent_by, branch, call_id, cseq.sequence, from_tag, to_tag
    )


def _is_uri(uri: str) -> bool:
    if len(uri) > MAX_URI or not _URI.fullmatch(uri):
        return False
    if not _SIP.match(uri):
        return True  # Of a scheme that others know.
    try:
        parse_uri(uri)
    except (ValueError, TypeError):
        return False
    return True


def parse_uri(uri: str) -> URI:
    """:raises ValueError, TypeError: it cannot be read."""
    return URI.parse(_readable(uri))


def _readable(value: str) -> str:
    """With every IPv4 address at the end of an IPv6 one in hexadecimal: the grammar of RFC 3261
    wants a colon too many before it (RFC 5118 §4.10).
    """
    return _IPV4_IN_IPV6.sub(_in_hexadecimal, value)


def _in_hexadecimal(ipv4: re.Match[str]) -> str:
    first, second, third, fourth = map(int, ipv4[0].split("."))
    return f"{first << 8 | second:x}:{third << 8 | fourth:x}"


def _tag(value: str) -> str:
    (address,) = addresses(value)
    return address.parameters.get("tag") or ""


def addresses(value: str) -> list[Address]:
    """The addresses in a header.

    :raises ValueError, TypeError: it cannot be read, or not in time.
    """
    if _LONG_NUMBER.search(value):
        raise ValueError("a number is too long")
    return Address.parse_many(_readable(value))


def _top_via(headers: Headers) -> Via:
    # Where a request comes from we see; the parser does not take every "received" (RFC 5118 §4.5).
    return Via.parse(_readable(_RECEIVED.sub("", _first_value(headers["Via"]))))


def _first_value(value: str) -> str:
    found = _FIRST_VALUE.match(value)
    return found[0] if found else ""


def _refuse(headers: Headers, reason: str, code: int = 400) -> NoReturn:
    """Of a request; if no response to it would be understood, and of an ACK, nobody is told."""
    via, cseq = headers.get("Via") or "", headers.get("CSeq") or "ACK"
    answerable = _FIRST_VALUE.match(via) is not None and not cseq.endswith("ACK")
    raise Malformed(reason, code, headers if answerable else None)


def options(headers: Headers, name: str) -> list[str]:
    """The tokens of a header that is a list, in lower case: Supported, Require, Allow."""
    tokens = ",".join(headers.getlist(name)).split(",")
    return [token.strip().lower() for token in tokens if token.strip()]


def note_source(headers: Headers, host: str, port: int) -> None:
    """Write into the topmost Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4)."""
    values = headers.getlist("Via")
    found = _FIRST_VALUE.match(values[0])
    assert found is not None
    top, rest = _RECEIVED.sub("", found[0]), values[0][found.end() :]
    address = host.partition("%")[0]
    values[0] = f"{_RPORT.sub(f';rport={port}', top, 1).rstrip()};received={address}{rest}"


def source_seen(answer: Response) -> tuple[str, int] | None:
    """Our address and port as whoever answered saw them (RFC 3581 §3); None: it does not say."""
    via = _top_via(answer.headers)
    received = _RECEIVED.search(_first_value(answer.headers["Via"]))
    try:
        host = str(ipaddress.ip_address(received[1].strip(" []") if received else ""))
    except ValueError:
        return None
    port = via.parameters.get("rport") or ""
    if re.fullmatch(r"\d{1,5}", port, re.ASCII) and 0 < int(port) <= 65_535:
        return host, int(port)
    return (host, via.port) if via.port is not None else None


def response(
    asked: Headers, code: int, to_tag: str, extra: tuple[tuple[str, str], ...] = (), body: str = ""
) -> bytes:
    """A response to the request with the headers ``asked`` (RFC 3261 §8.2.6).

    :param to_tag: put on To, unless the request has one.
    """
    # An application may refuse with a code that came after RFC 3261: it is as the x00 (§8.1.3.2).
    lines = [f"SIP/2.0 {code} {PHRASES.get(code) or PHRASES[code // 100 * 100]}"]
    for name in _ECHOED:
        for value in asked.getlist(name):
            untagged = name == "To" and code > 100 and not _TAG.search(value.rpartition(">")[2])
            lines.append(f"{name}: {value};tag={to_tag}" if untagged else f"{name}: {value}")
    return _encode(lines, extra, body)


def warning(reason: str) -> tuple[str, str]:
    """The header that says why, to whoever reads the log of a phone (RFC 3261 §20.43).

    :param reason: may quote what the phone said; what no header can hold is left out.
    """
    shown = "".join(letter for letter in reason[:200] if " " <= letter <= "~")
    escaped = shown.replace("\\", r"\\").replace('"', r"\"")
    return "Warning", f'399 talkpath "{escaped}"'


def request(
    method: str,
    uri: str,
    headers: tuple[tuple[str, str], ...],
    body: str = "",
    kind: str = "application/sdp",
) -> bytes:
    """A request of ours; ``headers`` in order, ``kind`` is the body's type."""
    return _encode([f"{method} {uri} SIP/2.0"], headers, body, kind)


def _encode(
    lines: list[str],
    headers: tuple[tuple[str, str], ...],
    body: str,
    kind: str = "application/sdp",
) -> bytes:
    lines += [f"{name}: {value}" for name, value in headers]
    content = body.encode()
    if content:
        lines.append(f"Content-Type: {kind}")
    lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content
