import sys

import pytest

from client.python.bench.idle import measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.timeout(90)
async def test_an_idle_session_costs_little() -> None:
    idle = await measure(40)
    assert idle.sessions == 40
    # Twice of what docs/performance.md tells; a second of audio that was kept would be 48 more.
    assert 10 < idle.kib_per_session < 300
    assert idle.full.threads == idle.rest.threads
    assert "40 idle sessions" in str(idle)
