"""What the files cost that one address, and one user, sends to be decoded: nobody is to keep the
decoder from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.core.events import ErrorCode, GatewayError
from signaling.buckets import Buckets, host_key, name_key

WORK: Final = (0.25, 15.0)
"""Seconds of decoding a second, and at once. A minute of speech takes a hundredth of one or two,
the worst file that is let through almost one.
"""


class UploadBudget:
    """Pays for one client's files; see :class:`gateway.media.decoding.Budget`.

    :param name: of its user; that of its address: it has none.
    """

    def __init__(self, work: Buckets, remote: str, name: str, clock: Callable[[], float]) -> None:
        self._work, self._clock = work, clock
        self._keys = [host_key(remote), *([name_key(name)] if name != remote else [])]

    def check(self) -> None:
        """:raises GatewayError: ``rate_limited``."""
        now = self._clock()
        if any(self._work.is_overdrawn(each, now) for each in self._keys):
            raise GatewayError(
                ErrorCode.RATE_LIMITED,
                "decoding what was sent took too much time: wait, or send pcm16",
            )

    def spend(self, seconds: float) -> None:
        """Charge for a file."""
        now = self._clock()
        for each in self._keys:
            self._work.spend(each, seconds, now)
