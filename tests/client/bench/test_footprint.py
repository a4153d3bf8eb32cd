import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio

from client.python.bench import footprint, subject
from client.python.bench.errors import BenchError
from client.python.bench.footprint import Footprint, Watch, grown, watched
from client.python.bench.subject import Subject

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

REST = Footprint(rss_kib=90_000, sessions=0, threads=1, tasks=3, sockets=3, descriptors=7)


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


async def test_a_gateway_is_seen_from_outside_and_inside(http: aiohttp.ClientSession) -> None:
    watch = Watch()
    command = watched(subject.gateway_command())
    settings = subject.gateway_environment("ws://127.0.0.1:9/v1/realtime")
    async with subject.running(command, settings, watch.on_line) as gateway:
        rest = await watch.look_when_steady(gateway, http, steady=0.6, within=20.0)
        assert rest.rss_kib > 20_000
        assert rest.sessions == 0
        assert rest.tasks >= 1
        # It listens, and its event loop has a pair of sockets to wake itself.
        assert 3 <= rest.sockets < rest.descriptors
        again = await watch.look_at_rest(gateway, http, rest, within=5.0)
        assert grown(rest, again) == {}
        more = await watch.look_at_rest(gateway, http, replace(rest, sockets=0), within=0.1)
        assert grown(replace(rest, sockets=0), more) == {"sockets": rest.sockets}
        with pytest.raises(BenchError, match="did not come to rest"):
            await watch.look_when_steady(gateway, http, steady=9.0, within=0.1)


async def test_a_gateway_that_tells_nothing_is_an_error(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "_ANSWER_SECONDS", 0.1)
    # This line is read by nobody.
    command = watched(subject.stock_command("ws://127.0.0.1:9"))
    async with subject.running(command, {}) as bridge:
        with pytest.raises(BenchError, match="does not tell its tasks"):
            await Watch().look(Subject(bridge.url, bridge.pid), http)


def test_only_what_is_more_has_grown_and_memory_is_another_matter() -> None:
    after = replace(REST, rss_kib=99_000, tasks=5, sockets=2)
    assert grown(REST, after) == {"tasks": 2}


def test_other_lines_of_the_gateway_are_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    Watch().on_line("an error")
    assert capsys.readouterr().err == "an error\n"
