"""``talkpath health``: whether the gateway of these settings answers; for containers, which may
have no other tool to ask with.
"""

from __future__ import annotations

import argparse
import http.client
import ipaddress
import json
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.config import Settings, SettingsError, load_settings

TIMEOUT: Final = 2.0
"""Seconds."""


class NotHealthy(Exception):
    """One sentence says why."""


def main(argv: Sequence[str]) -> int:
    """Exit status 0: it answers; 1: it does not; 2: the settings cannot be used."""
    parser = argparse.ArgumentParser(
        prog="talkpath health", description="Ask the gateway on this machine for /health."
    )
    parser.add_argument("--port", type=int, help="port that it listens on (PORT)")
    parser.add_argument("--env-file", type=Path, help="settings file instead of .env")
    flags = parser.parse_args(argv)
    try:
        settings = load_settings(flags.env_file, port=flags.port)
        print(ask(settings))
    except SettingsError as error:
        print(f"talkpath: {error}", file=sys.stderr)
        return 2
    except NotHealthy as error:
        print(f"talkpath: {error}", file=sys.stderr)
        return 1
    return 0


def ask(settings: Settings) -> str:
    """What ``/health`` answers.

    :raises NotHealthy: nobody does, or not with that.
    """
    host, port = _reachable(settings.host), settings.port
    if settings.tls_cert is None:
        asking = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    else:
        # Ours, under a name that may not lead here: whose it is does not matter.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        asking = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=tls)
    try:
        asking.request("GET", "/health")
        answer = asking.getresponse()
        body = answer.read(65_536).decode()
        if answer.status != http.HTTPStatus.OK or "status" not in json.loads(body):
            raise NotHealthy(f"port {port} answers {answer.status}, and is no healthy gateway")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotHealthy(f"nobody answers at {host}, port {port}: {error}") from None
    finally:
        asking.close()
    return body


def _reachable(host: str) -> str:
    """``host``, or where it is reached on this machine if it stands for every address."""
    bare = host.strip("[]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bare
    if not address.is_unspecified:
        return bare
    return "127.0.0.1" if address.version == 4 else "::1"
