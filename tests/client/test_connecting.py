"""Calls closed in the middle of being set up. The leak check of every test is the judge."""

import asyncio

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from client.python import ClientError, Microphone, Speaker, TalkpathClient
from client.python.connecting import Connecting, close_cleanly
from tests.client.scripted import ScriptedGateway


@pytest.mark.parametrize("milliseconds", [0, 5, 10, 15, 20, 25, 30, 40, 60])
async def test_a_call_may_be_dropped_at_any_moment(
    gateway: ScriptedGateway, milliseconds: int
) -> None:
    client = TalkpathClient(gateway.url)
    await client.connect()
    calling = asyncio.create_task(client.call(Microphone(), Speaker()))
    await asyncio.wait([calling], timeout=milliseconds / 1000)
    await client.close()
    calling.cancel()
    results = await asyncio.gather(calling, return_exceptions=True)
    assert isinstance(results[0], ClientError | asyncio.CancelledError | None)


async def test_a_connection_never_used_closes() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connecting = Connecting(connection)
    await close_cleanly(connection, connecting)
    assert connection.connectionState == "closed"
    assert not connecting.running


def test_another_aiortc_is_noticed() -> None:
    class Moved:
        pass

    with pytest.raises(AttributeError):
        Connecting(Moved())  # type: ignore[arg-type]
