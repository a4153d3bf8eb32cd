"""Recordings over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from gateway.recording.files import LineFile, Locked
from tests.gateway.recording.test_store import make, name
from tests.gateways import running_gateway
from tests.stand_in import StandIn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        make(tmp_path, number, started=number * 1000, size=1000 * number)
    return tmp_path


@pytest_asyncio.fixture
async def http(model: StandIn, root: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        running_gateway(model.url, record_dir=root) as gateway,
        aiohttp.ClientSession(f"{gateway.url}/api/recordings/") as client,
    ):
        yield client


async def test_they_are_listed_page_by_page(http: aiohttp.ClientSession) -> None:
    async with http.get("../recordings?limit=2") as answer:
        page = await answer.json()
    assert [r["sessionId"] for r in page["recordings"]] == [name(3), name(2)]
    assert page["more"]
    assert page["recordings"][0]["startedAt"] == 3000
    assert page["recordings"][0]["files"]["recording.ogg"] == 3000
    async with http.get(f"../recordings?limit=2&before={name(2)}") as answer:
        page = await answer.json()
    assert [r["sessionId"] for r in page["recordings"]] == [name(1)]
    assert not page["more"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "before=nobody"])
async def test_a_page_that_cannot_be_is_refused(http: aiohttp.ClientSession, query: str) -> None:
    async with http.get(f"../recordings?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "bad_request"


async def test_a_file_is_had_whole_or_in_part(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{name(2)}/recording.ogg") as answer:
        assert answer.status == 200
        assert answer.content_type == "audio/ogg"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert len(await answer.read()) == 2000
    async with http.get(f"{name(2)}/recording.ogg", headers={"Range": "bytes=10-19"}) as answer:
        assert answer.status == 206
        assert len(await answer.read()) == 10
    async with http.get(name(2)) as answer:
        assert (await answer.json())["sessionId"] == name(2)


@pytest.mark.parametrize(
    "path",
    [
        f"{name(2)}/recording.wav",
        f"{name(2)}/..%2F..%2Fetc%2Fpasswd",
        f"{name(9)}/recording.ogg",
        "..%2F..%2Fetc/passwd",
        "%00",
        name(9),
    ],
)
async def test_there_is_nothing_else(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        assert answer.status == 404


async def opened(path: Path) -> LineFile:
    """A file which the gateway may be looking at still, as it does when it starts."""
    async with asyncio.timeout(10):
        while True:
            try:
                return LineFile(path)
            except Locked:
                await asyncio.sleep(0)


async def test_one_is_deleted_but_not_while_its_call_lives(
    http: aiohttp.ClientSession, root: Path
) -> None:
    events = await opened(root / name(1) / "events.jsonl")
    async with http.delete(name(1)) as answer:
        assert answer.status == 409
    events.close()
    for status in (204, 404):
        async with http.delete(name(1)) as answer:
            assert answer.status == status
    assert not (root / name(1)).exists()


async def test_without_recordings_there_is_no_such_route(model: StandIn) -> None:
    async with (
        running_gateway(model.url) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
        http.get("/api/recordings") as answer,
    ):
        assert answer.status == 404
