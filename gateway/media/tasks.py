"""Ending tasks that do not end at the first word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

AGAIN = 0.1
"""Seconds until a task that goes on is cancelled again."""


async def cancel_for_good(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` until all have ended.

    Once is not enough: ``asyncio.wait_for``, in which aiortc waits during a DTLS handshake,
    swallows a cancellation that comes together with the datagram (Python 3.11).
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN)
