"""STUN and TURN URLs (RFC 7064, RFC 7065) as arguments of an ICE agent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_URL = re.compile(
    r"(?P<scheme>stun|turn)(?P<secure>s?):"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:?\[\]/@]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
_PORT, _SECURE_PORT = 3478, 5349


def ice_options(servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arguments of :class:`aioice.Connection` for W3C ``RTCIceServer`` dictionaries.

    The agent takes one STUN and one TURN server: the first of each that it can speak to, which is
    neither STUN over TLS nor TURN over DTLS.

    :raises ValueError: a URL is of none of the forms ``stun:…``, ``stuns:…``, ``turn:…`` and
        ``turns:…``.
    """
    options: dict[str, Any] = {}
    for server, url in _urls(servers):
        address = (url["ipv6"] or url["host"], _port(url))
        if url["scheme"] == "stun":
            if not url["secure"]:
                options.setdefault("stun_server", address)
        elif "turn_server" not in options and not (url["secure"] and url["transport"] == "udp"):
            options["turn_server"] = address
            options["turn_ssl"] = bool(url["secure"])
            options["turn_transport"] = "tcp" if url["secure"] else url["transport"] or "udp"
            options["turn_username"] = server.get("username")
            options["turn_password"] = server.get("credential")
    return options


def _urls(
    servers: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], re.Match[str]]]:
    for server in servers:
        urls = server["urls"]
        for url in [urls] if isinstance(urls, str) else urls:
            match = _URL.fullmatch(url)
            if match is None or (match["scheme"] == "stun" and match["transport"]):
                # Without the URL: it may hold a credential that does not belong there.
                raise ValueError("a URL is not of the form stun:HOST:PORT or turn:HOST:PORT")
            yield server, match


def _port(url: re.Match[str]) -> int:
    if url["port"] is not None:
        return int(url["port"])
    return _SECURE_PORT if url["secure"] else _PORT
