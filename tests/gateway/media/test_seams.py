from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aioice import Connection
from aioice.ice import StunProtocol
from aioice.stun import Class, Message, Method
from aioice.turn import TurnClientMixin
from aiortc.rtcdtlstransport import SRTP_PROFILES
from aiortc.rtcsctptransport import SCTP_DATA_FIRST_FRAG, SCTP_DATA_LAST_FRAG, DataChunk

from gateway.media import seams
from gateway.media.seams import (
    MAX_REMOTE_CANDIDATES,
    Certificate,
    DtlsCarrier,
    IceConnection,
    SctpAssociation,
    SeamError,
    check_seams,
    dtls_over,
)

LOOPBACK = "127.0.0.1"


def agent() -> IceConnection:
    return IceConnection([LOOPBACK], lambda data: None)


async def test_the_private_names_are_where_they_were() -> None:
    check_seams()


async def test_a_name_that_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def data_received(self: Connection, data: bytes) -> None: ...

    monkeypatch.setattr(Connection, "data_received", data_received)
    with pytest.raises(SeamError, match="data_received") as caught:
        check_seams()
    assert "_nominated" not in str(caught.value)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (StunProtocol, "__init__"),
        (seams, "server_reflexive_candidate"),
        (seams, "candidate_foundation"),
        (seams, "candidate_priority"),
        (TurnClientMixin, "__init__"),
    ],
)
async def test_arguments_that_moved_are_named(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    def otherwise(self: Any, other: Any) -> None: ...

    monkeypatch.setattr(owner, name, otherwise)
    with pytest.raises(SeamError):
        check_seams()


@pytest.mark.parametrize("name", ["connect", "delete", "send_data"])
async def test_a_turn_client_that_changed_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delattr(TurnClientMixin, name)
    with pytest.raises(SeamError, match=rf"TurnClientUdpProtocol\.{name}, .*TcpProtocol\.{name}"):
        check_seams()


async def test_an_agent_binds_to_the_addresses_it_was_given() -> None:
    connection = agent()
    await connection.gather()
    try:
        assert [c.host for c in connection.local_candidates] == [LOOPBACK]
        assert connection.route is None
        assert not connection.send_now(b"nobody listens")
    finally:
        await connection.close()


async def test_closing_waits_for_sockets_that_are_being_opened() -> None:
    connection = agent()
    gathering = asyncio.create_task(connection.gather())
    await asyncio.sleep(0)
    gathering.cancel()
    await connection.close()
    assert gathering.cancelled()
    assert connection.closed
    assert connection.local_candidates == []


async def test_gathering_again_opens_nothing_more() -> None:
    connection = agent()
    await asyncio.gather(connection.gather(), connection.gather())
    await connection.gather()
    assert len(connection.local_candidates) == 1
    await connection.close()


async def test_closed_in_the_turn_in_which_the_checks_succeed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = agent()

    async def connect(self: IceConnection) -> None:
        await self.close()
        self._query_consent_task = asyncio.create_task(self.query_consent())

    monkeypatch.setattr(Connection, "connect", connect)
    connection.remote_password = "p" * 22
    with pytest.raises(ConnectionError):
        await connection.connect()


async def test_a_peer_teaches_a_bounded_number_of_addresses() -> None:
    connection = agent()
    await connection.gather()
    connection.remote_username, connection.remote_password = "user", "p" * 22
    protocol = connection._protocols[0]

    def check(port: int) -> None:
        message = Message(message_method=Method.BINDING, message_class=Class.REQUEST)
        message.attributes["PRIORITY"] = 1
        connection.check_incoming(message, (LOOPBACK, port), protocol)

    for port in range(10_000, 10_000 + MAX_REMOTE_CANDIDATES + 20):
        check(port)
    assert len(connection.remote_candidates) == MAX_REMOTE_CANDIDATES
    heard = connection.heard
    check(10_000)
    assert connection.heard == heard + 1, "a known address still counts"
    await connection.close()


class FullTransport(asyncio.Transport):
    """A socket that takes no more."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def sendto(self, data: bytes, addr: object) -> None:
        self.waiting += len(data)


async def test_what_the_socket_does_not_take_is_dropped() -> None:
    class Protocol:
        transport = FullTransport()

    class Pair:
        protocol = Protocol()
        remote_addr = (LOOPBACK, 9)

    connection = agent()
    nominated: dict[int, Any] = connection._nominated
    nominated[1] = Pair()
    sent = [connection.send_now(bytes(1000)) for _ in range(1000)]
    assert sent[0]
    assert not sent[-1]
    assert Protocol.transport.waiting < 70_000
    nominated.clear()
    await connection.close()


async def test_the_carrier_is_bounded() -> None:
    carrier = DtlsCarrier(lambda data: False)
    for n in range(1000):
        carrier.deliver(bytes([n % 256]))
    assert await carrier._recv() == b"\0"
    assert carrier._inbox.qsize() < 100


async def test_a_datagram_without_a_path_is_lost_like_any_other() -> None:
    await DtlsCarrier(lambda data: False)._send(b"x")


async def test_a_closed_carrier_ends_every_receive() -> None:
    carrier = DtlsCarrier(lambda data: True)
    waiting = asyncio.create_task(carrier._recv())
    await asyncio.sleep(0)
    carrier.deliver(b"first")
    carrier.close()
    assert await waiting == b"first"
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await carrier._recv()


async def test_dtls_takes_its_role_from_the_agreement() -> None:
    certificate = Certificate.generateCertificate()
    assert dtls_over(DtlsCarrier(lambda data: True), certificate, "client")._role == "client"


def test_one_context_serves_all_calls() -> None:
    certificate, other = Certificate.generateCertificate(), Certificate.generateCertificate()
    context = certificate._create_ssl_context(SRTP_PROFILES)
    assert certificate._create_ssl_context(SRTP_PROFILES) is context
    assert other._create_ssl_context(SRTP_PROFILES) is not context


async def test_an_association_holds_no_more_than_its_window() -> None:
    dtls = dtls_over(DtlsCarrier(lambda data: True), Certificate.generateCertificate(), "server")
    association = SctpAssociation(dtls)
    association._last_received_tsn = 0
    for tsn in range(1, 3000):
        chunk: Any = DataChunk()
        chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = tsn, 0, 0, 51
        chunk.flags = SCTP_DATA_FIRST_FRAG if tsn == 1 else 0
        chunk.user_data = bytes(1000)
        await association._receive_data_chunk(chunk)
    held = association._inbound_streams[0].reassembly
    assert 1_000_000 < sum(len(chunk.user_data) for chunk in held) < 1_060_000
    assert SCTP_DATA_LAST_FRAG not in {chunk.flags for chunk in held}
