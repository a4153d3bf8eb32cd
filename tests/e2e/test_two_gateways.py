"""Two gateways as processes of their own, behind a balancer that is not sticky."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import sys
import wave
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from client.python.levels import Samples
from gateway.core.ending import Ending
from signaling.app import Gateway
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.e2e.test_proxies import DEPLOY, answers
from tests.gateways import running_gateway
from tests.redis_server import needs_redis, running_redis
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

READY = re.compile(r"Talkpath ready on http://127\.0\.0\.1:(\d+)")


@contextlib.asynccontextmanager
async def serving(**settings: str) -> AsyncIterator[tuple[Process, int]]:
    """A gateway's process, and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", "serve", "--port", "0", "--log-level", "warning"),
        stdout=PIPE,
        env={**os.environ, "PUBLIC_ADDRESS": "127.0.0.1", "DRAIN_TIMEOUT": "0", **settings},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while not (ready := READY.match((await process.stdout.readline()).decode())):
                assert process.returncode is None
        yield process, int(ready[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def balanced(folder: Path, *ports: int, port: int | None = None) -> AsyncIterator[str]:
    """HAProxy as it is shipped, but for taking turns. ``port``: where to listen."""
    port = port or free_port()
    text = (DEPLOY / "haproxy.cfg").read_text()
    text = re.sub(r"bind .*", f"bind 127.0.0.1:{port}", text)
    text = re.sub(r"balance source\n *hash-type.*", "balance roundrobin", text)
    servers = "".join(f"    server s{at} 127.0.0.1:{at}\n" for at in ports)
    text = re.sub(r" *server one .*\n", servers, text)
    # Where the machine is busy, an answer that is late would take a gateway out.
    text = re.sub(r".*option httpchk.*|.*check inter.*", "", text)
    (folder / "conf").write_text(text)
    process = await asyncio.create_subprocess_exec(
        *("haproxy", "-db", "-f", f"{folder}/conf"), stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(5):
            while not await answers(port):
                assert process.returncode is None
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def port_of(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


def write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())


async def health(port: int) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/health") as answer,
    ):
        told: dict[str, Any] = await answer.json()
        return told


@needs_redis
@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
async def test_a_conversation_goes_on_wherever_its_client_comes_back(tmp_path: Path) -> None:
    with running_redis() as redis:
        async with StandIn() as model:
            settings = {"REALTIME_URL": model.url, "REDIS_URL": redis.url}
            async with (
                serving(**settings) as (one, port_one),
                serving(**settings) as (two, port_two),
                balanced(tmp_path, port_one, port_two) as url,
            ):
                # By turns: a joins at one of them, the next at the other.
                async with Caller(url) as caller:
                    joined = await caller.join()
                    await caller.reach_model()
                    line = await model.line()
                heard = []
                for number in range(10):
                    async with Caller(url) as again:
                        assert await again.resume(joined) == {"ok": True, **joined}
                        await line.question(f"Line {number}.")
                        await again.wait(
                            "message", lambda m, n=number: m["content"] == f"Line {n}."
                        )
                        heard += [m["content"] for m in again.of("message")]
                        assert (await again.ask("send_audio", bytes(480), "pcm16"))["ok"]
                assert heard == [f"Line {number}." for number in range(10)]

                of = {port_one: one, port_two: two}
                owner = port_one if (await health(port_one))["sessions"] else port_two
                other = port_two if owner == port_one else port_one
                relayed = Caller(f"http://127.0.0.1:{other}")
                await relayed.__aenter__()
                assert (await relayed.resume(joined))["ok"]
                assert (await health(other))["redis"]["clientsAway"] == 1
                of[other].kill()
                await of[other].wait()
                await relayed.ended.wait()
                await relayed.leave()
                async with Caller(f"http://127.0.0.1:{owner}") as back:
                    assert (await back.resume(joined))["ok"]
                    await line.question("Still there?")
                    await back.wait("message", lambda m: m["content"] == "Still there?")


@needs_redis
async def test_each_of_them_stops_cleanly_while_it_relays() -> None:
    with running_redis() as redis:
        async with StandIn() as model, aiohttp.ClientSession() as http:
            settings = {"REALTIME_URL": model.url, "REDIS_URL": redis.url}
            async with serving(**settings) as (client_s, port):
                url = f"http://127.0.0.1:{port}"
                async with serving(**settings) as (session_s, other):
                    async with Caller(f"http://127.0.0.1:{other}") as caller:
                        joined = await caller.join()
                    async with Caller(url) as relayed:
                        assert (await relayed.resume(joined))["ok"]
                        looking = asyncio.create_task(
                            statuses(http, f"{url}/api/sessions/{joined['sessionId']}")
                        )
                        session_s.terminate()
                        ended = await relayed.wait(
                            "session_status", lambda s: s["status"] == "DISCONNECTED"
                        )
                        assert ended["reason"] == Ending.SHUT_DOWN
                        assert await session_s.wait() == 0
                        assert await looking <= {200, 503, 404}
                        again = await relayed.join()
                        assert again["sessionId"] != joined["sessionId"], "its connection is well"
                async with serving(**settings) as (session_s, other):
                    async with Caller(f"http://127.0.0.1:{other}") as caller:
                        joined = await caller.join()
                    async with Caller(url) as relayed:
                        assert (await relayed.resume(joined))["ok"]
                        client_s.terminate()
                        await relayed.ended.wait()
                        assert await client_s.wait() == 0
                    async with Caller(f"http://127.0.0.1:{other}") as back:
                        assert await back.resume(joined) == {"ok": True, **joined}


async def statuses(http: aiohttp.ClientSession, url: str) -> set[int]:
    """Of requests one after the other, until what they are for is gone."""
    seen: set[int] = set()
    while 404 not in seen:
        async with asyncio.timeout(5), http.get(url) as answer:
            seen.add(answer.status)
    return seen


@needs_redis
@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
async def test_a_call_in_a_browser_goes_on_over_another_gateway(tmp_path: Path) -> None:
    microphone = tmp_path / "microphone.wav"
    write_wav(microphone, tone(10.0, 48_000))
    port = free_port()
    with running_redis() as redis:
        async with (
            StandIn() as model,
            running_gateway(model.url, redis_url=redis.url) as one,
            running_gateway(model.url, redis_url=redis.url) as two,
            chromium(*microphone_file(microphone)) as browser,
        ):
            context = await browser.new_context(permissions=["microphone"])
            page = await context.new_page()
            async with balanced(tmp_path, port_of(one), port=port) as url:
                await page.goto(url)
                await page.click("#call")
                await expect(page.locator("#state-call dd")).to_have_text("Connected")
                line = await model.line()
                await line.wait_for_audio(4_800)
            # Its connection is gone with the balancer, and the way leads to the other one now.
            await expect(page.locator("#state-session dd")).not_to_have_text("Connected")
            async with balanced(tmp_path, port_of(two), port=port):
                await expect(page.locator("#state-session dd")).to_have_text("Connected")
                assert two.cluster is not None
                assert len(two.cluster.away) == 1
                await line.wait_for_audio(len(line.audio) // 2 + 24_000)
                await line.question("Can you hear me?")
                await expect(page.locator("#log")).to_contain_text("Can you hear me?")
                await line.answer("Every word.", tone(1.0, 24_000).tobytes())
                await expect(page.locator("#log")).to_contain_text("Every word.")
                await expect(page.locator("#state-call dd")).to_have_text("Connected")
                await page.click("#call")
                await expect(page.locator("#state-call dd")).to_have_text("Idle")
            await context.close()
            assert len(two.sessions or ()) == 0
