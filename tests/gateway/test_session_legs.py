from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway import session_legs
from gateway.media.leg import LegState
from gateway.session_legs import ICE_STATES, close_leg


class Stuck:
    """A leg whose end never comes, or comes at once."""

    def __init__(self, ends: bool) -> None:
        self.ends = ends

    async def close(self) -> None:
        if not self.ends:
            await asyncio.Event().wait()


@pytest.mark.parametrize("ends", [True, False])
async def test_nobody_waits_for_ever_for_the_end_of_a_leg(
    monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    monkeypatch.setattr(session_legs, "CLOSE_TIMEOUT", 0.01)
    with capture_logs() as logs:
        await close_leg(Stuck(ends))  # type: ignore[arg-type]
    assert bool(logs) is not ends


def test_every_state_has_its_word() -> None:
    assert ICE_STATES.keys() == set(LegState)
