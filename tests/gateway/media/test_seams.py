import asyncio

import pytest
from aioice import Connection
from aiortc import RTCCertificate

from gateway.media import seams
from gateway.media.seams import DtlsCarrier, IceConnection, SeamError, check_seams, dtls_over


async def test_the_private_names_are_where_they_were() -> None:
    check_seams()


async def test_a_name_that_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def data_received(self: Connection, data: bytes) -> None: ...

    monkeypatch.setattr(Connection, "data_received", data_received)
    with pytest.raises(SeamError, match="data_received"):
        check_seams()


async def test_an_agent_binds_to_the_addresses_it_was_given() -> None:
    agent = IceConnection(["127.0.0.1"], lambda data: None)
    await agent.gather_candidates()
    try:
        assert [c.host for c in agent.local_candidates] == ["127.0.0.1"]
        assert agent.route is None
        assert not agent.send_now(b"nobody listens")
    finally:
        await agent.close()


async def test_closing_an_agent_wakes_who_waits_for_its_end() -> None:
    agent = IceConnection(["127.0.0.1"], lambda data: None)
    await agent.gather_candidates()
    waiting = asyncio.create_task(agent.wait_closed())
    await asyncio.sleep(0)
    await agent.close()
    await waiting


async def test_the_carrier_is_bounded_and_ends_with_an_error() -> None:
    carrier = DtlsCarrier(lambda data: False)
    for n in range(1000):
        carrier.deliver(bytes([n % 256]))
    assert await carrier._recv() == b"\0"
    with pytest.raises(ConnectionError):
        await carrier._send(b"x")
    carrier.close()
    with pytest.raises(ConnectionError):
        while True:
            await carrier._recv()


async def test_dtls_takes_its_role_from_the_agreement() -> None:
    certificate = RTCCertificate.generateCertificate()
    assert dtls_over(DtlsCarrier(lambda data: True), certificate, "client")._role == "client"


def test_ice_servers_become_options_of_the_agent() -> None:
    options = seams.ice_options(
        [
            {"urls": ["stun:127.0.0.1:3478"]},
            {"urls": ["turn:127.0.0.1?transport=tcp"], "username": "u", "credential": "c"},
        ]
    )
    assert options["stun_server"] == ("127.0.0.1", 3478)
    assert options["turn_server"] == ("127.0.0.1", 3478)
    assert options["turn_transport"] == "tcp"
    assert seams.ice_options([]) == {}, "no server is asked unless configured"
