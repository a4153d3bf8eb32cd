"""Socket.IO requests and how they end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from client.python.connection import Connection
from client.python.errors import ClientError
from tests.client.scripted import ScriptedGateway


class Ends:
    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.ended = asyncio.Event()

    def event(self, name: str, args: tuple[Any, ...]) -> None:
        self.events.append((name, args))


@pytest_asyncio.fixture
async def connection(gateway: ScriptedGateway) -> AsyncIterator[Connection]:
    ends = Ends()
    connection = Connection(gateway.url, ends.event, ends.ended.set)
    await connection.open(None, 5.0)
    yield connection
    await connection.close()
    assert ends.ended.is_set()


async def test_an_acknowledgement_is_returned_without_ok(connection: Connection) -> None:
    answer = await connection.request("join_session", ({"userId": "ann"},), 5.0)
    assert answer["userId"] == "ann"
    assert "ok" not in answer
    assert await connection.request("interrupt", (), 5.0) == {}


async def test_a_failure_is_raised_by_its_code(
    connection: Connection, gateway: ScriptedGateway
) -> None:
    gateway.failures["send_text"] = ("too_large", "less, please")
    with pytest.raises(ClientError, match=r"^less, please \(too_large\)$"):
        await connection.request("send_text", ("…",), 5.0)


async def test_no_answer_is_a_timeout(connection: Connection, gateway: ScriptedGateway) -> None:
    gateway.silent_events.add("interrupt")
    with pytest.raises(ClientError) as caught:
        await connection.request("interrupt", (), 0.05)
    assert caught.value.code == "timeout"
    assert await connection.request("mute", (True,), 5.0) == {}


async def test_the_end_of_the_connection_ends_a_request(
    connection: Connection, gateway: ScriptedGateway
) -> None:
    gateway.silent_events.add("interrupt")
    waiting = asyncio.create_task(connection.request("interrupt", (), 30.0))
    await connection.request("mute", (True,), 5.0)
    await gateway.drop_clients()
    with pytest.raises(ClientError) as caught:
        await waiting
    assert caught.value.code == "closed"
    assert not connection.connected


async def test_a_connection_is_opened_once(
    connection: Connection, gateway: ScriptedGateway
) -> None:
    with pytest.raises(ClientError):
        await connection.open(None, 5.0)
    fresh = Connection(gateway.url, Ends().event, lambda: None)
    with pytest.raises(ClientError) as caught:
        await fresh.request("mute", (True,), 5.0)
    assert caught.value.code == "closed"
    await fresh.close()
    await fresh.close()


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (("who are you?",), "unauthorized", "who are you?"),
        (("no", {"code": "rate_limited", "message": "slower"}), "rate_limited", "slower"),
    ],
)
async def test_a_gateway_that_refuses_says_why(
    gateway: ScriptedGateway, refusal: tuple[Any, ...], code: str, message: str
) -> None:
    gateway.refusal = refusal
    connection = Connection(gateway.url, Ends().event, lambda: None)
    with pytest.raises(ClientError) as caught:
        await connection.open("token", 5.0)
    assert (caught.value.code, caught.value.message) == (code, message)
    assert gateway.auth == [{"token": "token"}]


async def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        connection = Connection(url, Ends().event, lambda: None)
        with pytest.raises(ClientError) as caught:
            await connection.open(None, 5.0)
    assert caught.value.code == "unreachable"
    assert url in caught.value.message


async def test_one_who_never_answers_is_unreachable() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        connection = Connection(
            f"http://127.0.0.1:{listening.getsockname()[1]}", Ends().event, lambda: None
        )
        with pytest.raises(ClientError) as caught:
            await connection.open(None, 0.1)
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("url", ["not a url", "http://", "ftp://127.0.0.1"])
async def test_no_url_is_unreachable(url: str) -> None:
    connection = Connection(url, Ends().event, lambda: None)
    with pytest.raises(ClientError) as caught:
        await connection.open(None, 5.0)
    assert caught.value.code == "unreachable"
