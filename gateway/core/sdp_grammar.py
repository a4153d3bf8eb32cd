"""What readers of SDP text share: their error, and the grammar's smallest parts (RFC 8866 §9)."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,256}")
"""RFC 8866 ``token``, bounded."""

MAX_DIGITS = 20
"""The longest number in SDP is a 64-bit session id; anything longer is hostile."""


class SdpError(ValueError):
    """A description that cannot be read, or an offer that cannot be answered.

    Its text may be shown to the peer.
    """


def parse_number(text: str, maximum: int) -> int | None:
    """A decimal number from 0 to ``maximum``; None for anything else (signs, blanks, ``²``)."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if number <= maximum else None
