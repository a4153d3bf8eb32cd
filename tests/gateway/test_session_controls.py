from __future__ import annotations

import pytest

from gateway.core.control import Control
from gateway.session_passthrough import NOBODY
from tests.gateways import live_sessions
from tests.stand_in import StandIn


@pytest.mark.parametrize("control", list(Control))
async def test_a_session_gets_the_control_it_asks_for(control: Control) -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", control=control)
        free = control is Control.PASS_THROUGH
        assert (session.settings.agents is NOBODY) is free
        line = await model.line()
        asked = (await line.wait_for("session.update"))["session"]
        assert ("instructions" in asked) is not free
