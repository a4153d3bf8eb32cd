"""What an open dashboard costs the gateway, with live calls on it.

    scripts/bench_dashboard.py [--calls 20] [--windows 8] [--seconds 10] [--silent]

`talkpath serve` under `talkpath bench`, whose mock model answers. A real Chromium has the page open
in every other window, with one call looked at; what is counted is the processor time of the
gateway's process. What conversations take varies by more than the page does: it takes many windows
to see it. With --silent the calls are sessions in which nothing is said, and two windows suffice;
only the levels are not in it. Needs Linux, and the packages of the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import statistics
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from playwright.async_api import Page, async_playwright

from client.python.bench.idle import Quiet, join, leave
from client.python.bench.model import MockModel

LOOPBACK = "127.0.0.1"
REQUESTS = 400
SETTLE = 3.0
"""Seconds from the opening or closing of the page to the window."""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port: int = free.getsockname()[1]
        return port


def _cpu(pid: int) -> float:
    """Seconds that the threads of a process ran (proc(5), schedstat counts ns)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextlib.asynccontextmanager
async def _running(*arguments: str, **environment: str) -> AsyncIterator[Process]:
    """`talkpath` as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def _silent_calls(url: str, model_port: int, calls: int) -> AsyncIterator[None]:
    model = MockModel()
    await model.start(model_port)
    model.expect(0, Quiet())
    try:
        joined = await join(url, calls)
        yield
        await leave(joined)
    finally:
        await model.stop()


async def _until_live(url: str, calls: int, process: Process) -> None:
    """So many calls are there."""
    live = -1
    while live < calls:
        if process.returncode is not None:
            sys.exit("the calls, or the gateway, ended early")
        await asyncio.sleep(0.5)
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession(url) as http, http.get("/api/sessions") as answer:
                live = len((await answer.json())["sessions"])


async def _used(pid: int, seconds: float) -> float:
    """Percent of a core in the next seconds."""
    loop = asyncio.get_running_loop()
    began, cpu = loop.time(), _cpu(pid)
    await asyncio.sleep(seconds)
    return 100 * (_cpu(pid) - cpu) / (loop.time() - began)


async def _request_ms(url: str, pid: int, without: float) -> float:
    """CPU-ms of one `GET /api/sessions` beyond what calls take, `without` percent of a core."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(url) as http:
        began, cpu = loop.time(), _cpu(pid)
        for _ in range(REQUESTS):
            async with http.get("/api/sessions") as answer:
                await answer.read()
        return 1000 * (_cpu(pid) - cpu - without / 100 * (loop.time() - began)) / REQUESTS


@contextlib.asynccontextmanager
async def _browser() -> AsyncIterator[Page]:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        path = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=path, args=as_root)
        try:
            yield await browser.new_page(viewport={"width": 1440, "height": 900})
        finally:
            await browser.close()


async def _measure(calls: int, windows: int, seconds: float, *, silent: bool) -> None:
    port, model_port = _free_port(), _free_port()
    url = f"http://{LOOPBACK}:{port}"
    model = f"ws://{LOOPBACK}:{model_port}/v1/realtime"
    whole = str(2 * windows * (seconds + SETTLE) + 60)
    load = ("--url", url, "--model-port", str(model_port), "--calls", str(calls))
    settings = {"PUBLIC_ADDRESS": LOOPBACK, "REALTIME_URL": model, "REQUEST_RATE": "10000/10000"}
    async with contextlib.AsyncExitStack() as stack:
        serve = ("serve", "--port", str(port), "--log-level", "warning")
        gateway = await stack.enter_async_context(_running(*serve, **settings))
        await _until_live(url, 0, gateway)
        if silent:
            await stack.enter_async_context(_silent_calls(url, model_port, calls))
        else:
            bench = await stack.enter_async_context(_running("bench", *load, "--seconds", whole))
            await _until_live(url, calls, bench)
        page = await stack.enter_async_context(_browser())
        figures: dict[str, list[float]] = {"about:blank": [], f"{url}/dashboard": []}
        for _ in range(windows):
            for address, used in figures.items():
                await page.goto(address)
                await asyncio.sleep(SETTLE)
                used.append(await _used(gateway.pid, seconds))
        shown = await page.locator(".call-row").count()
        assert shown == calls, f"the page shows {shown} calls"
        without, with_page = figures.values()
        await page.goto("about:blank")
        rest = statistics.median(without)
        requests = [await _request_ms(url, gateway.pid, rest) for _ in range(5)]
    cost = [one - other for one, other in zip(with_page, without, strict=True)]
    for name, values in (("without", without), ("with", with_page), ("the page", cost)):
        listed = " ".join(f"{value:.2f}" for value in values)
        print(f"{name:>9}: {statistics.median(values):6.2f} % of a core (windows: {listed})")
    error = statistics.stdev(cost) / len(cost) ** 0.5
    print(f"the page, mean and its standard error: {statistics.mean(cost):.2f} ± {error:.2f} %")
    print(f"a request: {statistics.median(requests):.2f} CPU-ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what an open dashboard costs.")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--windows", type=int, default=8, help="with the page; at least 2 (8)")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--silent", action="store_true", help="nothing is said in the calls")
    options = parser.parse_args()
    windows = max(2, options.windows)
    asyncio.run(_measure(options.calls, windows, options.seconds, silent=options.silent))


if __name__ == "__main__":
    main()
