"""Scanners, who get no answer."""

from __future__ import annotations

import re
from typing import Final

_SCANNER: Final = re.compile(
    r"friendly-scanner|sipvicious|sipcli|sip-?scan|sundayddr|iwar|vaxsipuseragent|pplsip|"
    r"smap|svmap|zmap",
    re.IGNORECASE,
)


def is_scanner(user_agent: str | None) -> bool:
    """Whether a program names itself that looks for open gateways."""
    return user_agent is not None and _SCANNER.search(user_agent) is not None
