"""``talkpath token``: a token of ``AUTH_SECRET``, for whoever runs the gateway."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from gateway.config import SettingsError, load_settings
from signaling.caller import Scope
from signaling.tokens import MAX_SUBJECT, SecretTokens

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def main(argv: list[str]) -> int:
    """Print one token; 2 where it cannot be made."""
    options = _parser().parse_args(argv)
    try:
        settings = load_settings(options.env_file)
    except SettingsError as error:
        return _complain(str(error))
    if settings.auth_secret is None:
        return _complain("AUTH_SECRET is not set")
    tokens = SecretTokens(settings.auth_secret.get_secret_value())
    print(tokens.mint(options.subject, frozenset(options.scope or [Scope.CALL]), options.expires))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="talkpath token", description="Make a token of AUTH_SECRET."
    )
    parser.add_argument("subject", type=_subject, help="whose it is: a name")
    parser.add_argument(
        "--scope",
        type=Scope,
        action="append",
        metavar="{call,admin}",
        help="what it is good for; may be repeated (call)",
    )
    parser.add_argument(
        "--expires", type=_lifetime, default="1h", help="90s, 30m, 12h, 7d (%(default)s)"
    )
    parser.add_argument("--env-file", type=Path, help="settings file instead of .env")
    return parser


def _subject(text: str) -> str:
    if not 0 < len(text) <= MAX_SUBJECT:
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_SUBJECT} characters")
    return text


def _lifetime(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) < 7 and unit in _SECONDS):
        raise argparse.ArgumentTypeError("expected a number and s, m, h or d")
    return float(int(number) * _SECONDS[unit])


def _complain(reason: str) -> int:
    print(f"talkpath: {reason}", file=sys.stderr)
    return 2
