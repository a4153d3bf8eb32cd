"""The life that RTP legs share: one end, told once, that releases everything."""

from __future__ import annotations

import asyncio

from gateway.core.playout import Playout
from gateway.media.leg import LegEvent, LegState
from gateway.media.rtp_leg_base import RtpLegBase
from tests.gateway.media.peers import Recorder


class Leg(RtpLegBase):
    """A leg without a path, whose release waits to be let go on."""

    def __init__(self) -> None:
        self.session = Recorder()
        self.rtcp: list[bytes] = []
        super().__init__(self.session, Playout(), 1, "cname", lambda _: None, self.rtcp.append)
        self.may_release = asyncio.Event()
        self.released = 0
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    @property
    def data_open(self) -> bool:
        return False

    def send_data(self, message: str) -> None:
        raise AssertionError("there is no data channel")

    async def _release(self) -> None:
        await self.may_release.wait()
        self.released += 1

    def follow(self, *events: LegEvent) -> None:
        for event in events:
            self._feed(event)


CONNECTED = (LegEvent.OFFERED, LegEvent.SECURED)


async def test_it_follows_the_table_and_tells_of_each_state() -> None:
    leg = Leg()
    leg.follow(LegEvent.SECURED, *CONNECTED, LegEvent.SILENT, LegEvent.HEARD, LegEvent.OFFERED)
    assert leg.session.states == [
        *(LegState.CONNECTING, LegState.CONNECTED, LegState.DISCONNECTED, LegState.CONNECTED),
    ]
    assert leg.woken == 4
    leg.may_release.set()
    await leg.close()


async def test_a_path_that_carries_nothing_has_no_quality() -> None:
    leg = Leg()
    leg.follow(*CONNECTED)
    assert leg.stats().jitter_ms is not None
    leg.follow(LegEvent.SILENT)
    assert leg.stats().jitter_ms is None
    leg.may_release.set()
    await leg.close()


async def test_an_end_is_told_at_once_and_released_though_its_closer_is_cancelled() -> None:
    leg = Leg()
    leg.follow(*CONNECTED)
    closing = asyncio.create_task(leg.close())
    await asyncio.sleep(0)
    assert leg.state is LegState.CLOSED
    assert leg.rtcp, "goodbye"
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert leg.released == 0
    leg.may_release.set()
    await leg.close()
    assert leg.released == 1
    assert leg.session.states[-1] is LegState.CLOSED
    assert leg.session.states.count(LegState.CLOSED) == 1
