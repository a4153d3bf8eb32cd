"""Recordings are let go in time: by their age, and by what all of them take together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway.recording.store import sweep

log = structlog.get_logger(__name__)

PERIOD: Final = 300.0
"""Seconds between two looks at the disk."""


@dataclass(frozen=True, slots=True)
class Retention:
    """:ivar max_days: of a recording since its start; None: for ever.
    :ivar max_bytes: of all recordings; None: as many as there is room for.
    """

    max_days: float | None = None
    max_bytes: int | None = None

    @property
    def keeps_all(self) -> bool:
        return self.max_days is None and self.max_bytes is None


async def keep_within(
    root: Path,
    rules: Retention,
    period: float = PERIOD,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Delete what is beyond ``rules``, now and then, off the event loop, until cancelled.

    :param told: which session's recording is gone.
    """
    while not rules.keeps_all:
        deleted = await asyncio.to_thread(
            sweep,
            root,
            time.time_ns() // 1_000_000,
            max_days=rules.max_days,
            max_bytes=rules.max_bytes,
        )
        for session_id in deleted:
            log.info("recording deleted", session=session_id, reason="retention")
            told(session_id)
        await asyncio.sleep(period)
