"""Recordings go in the background, and only if something is to go."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from gateway.recording.retention import Retention, keep_within
from tests.gateway.recording.test_store import make


async def test_what_is_too_old_goes_while_the_gateway_runs(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, started=0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await keep_within(tmp_path, Retention(max_days=1), 0.01)
    assert not folder.exists()


async def test_without_rules_nothing_is_looked_at(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, started=0)
    await keep_within(tmp_path, Retention())
    assert folder.exists()
