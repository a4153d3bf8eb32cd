"""Which web pages may use the gateway from a browser: its own, and those of ``ALLOWED_ORIGINS``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origins:
    """``allowed``: origins (RFC 6454 §6.2, such as ``https://example.org``), or ``*`` among them
    for any.
    """

    allowed: Collection[str]

    def admit(self, origin: str | None, host: str | None) -> bool:
        """Whether a request may pass. ``origin``: its ``Origin`` header, None if it comes from no
        page.

        :param host: its ``Host`` header; a page that the gateway served itself has it as its
            origin.
        """
        if origin is None or "*" in self.allowed or origin in self.allowed:
            return True
        return host is not None and origin in (f"http://{host}", f"https://{host}")
