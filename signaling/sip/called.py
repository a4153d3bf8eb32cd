"""Who is to be called, and by whom, as people write it."""

from __future__ import annotations

import re
from typing import Final

from signaling.sip.dialog import user_of

MAX_ADDRESS: Final = 256
"""Characters."""

_NAME: Final = re.compile(r"[\w.!~*'()&=+$,;?/%-]{1,128}", re.ASCII)
"""The user part of a URI (RFC 3261 §25.1)."""

_URI: Final = re.compile(r"""[!#-;=?-~]+""")
"""Visible characters that cannot end an address in angle brackets."""


class BadAddress(Exception):
    """Nobody can be called so; one sentence says why."""


def called_user(to: str) -> str:
    """Whom ``to`` names: ``alice``, ``alice@HOST``, ``sip:alice@HOST``, ``tel:+1234``.

    :raises BadAddress: nobody.
    """
    if len(to) > MAX_ADDRESS:
        raise BadAddress("the address is too long")
    scheme, colon, rest = to.partition(":")
    if colon and scheme.lower() == "tel":
        name: str | None = rest.partition(";")[0]
    elif colon or "@" in to:
        uri = to if colon else f"sip:{to}"
        name = user_of(uri) if _URI.fullmatch(uri) else None
    else:
        name = to
    if not name or not _NAME.fullmatch(name):
        raise BadAddress("the address is neither a name nor a SIP URI")
    return name


def sender_uri(sender: str, host: str) -> str:
    """The URI of From.

    :param sender: a name at ``host``, or a SIP URI.
    :raises BadAddress: it is neither.
    """
    if len(sender) <= MAX_ADDRESS:
        if _NAME.fullmatch(sender):
            return f"sip:{sender}@{host}"
        if _URI.fullmatch(sender) and user_of(sender):
            return sender
    raise BadAddress("the caller is neither a name nor a SIP URI")
