from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import session_legs
from gateway.core.playout import Playout
from gateway.media.leg import LegState
from gateway.media.pcm import PcmLeg
from gateway.session_legs import ICE_STATES, close_leg, measured_leg


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


@pytest.mark.parametrize(
    ("state", "used", "listened", "measured"),
    [
        (LegState.CONNECTED, True, True, "leg"),
        (LegState.DISCONNECTED, True, True, "leg"),
        (LegState.FAILED, True, True, "pcm"),
        (None, True, True, "pcm"),
        (None, False, True, None),
        (None, True, False, None),
    ],
)
async def test_what_call_stats_are_about(
    state: LegState | None, used: bool, listened: bool, measured: str | None
) -> None:
    leg: Any = None if state is None else SimpleNamespace(state=state)
    handler: Any = SimpleNamespace(on_played=lambda *_: None)
    pcm = PcmLeg(Playout(), handler, 24_000, lambda _: None)
    pcm.switch(listened)
    pcm.used = used
    assert measured_leg(leg, pcm) is {"leg": leg, "pcm": pcm, None: None}[measured]
    await pcm.close()
