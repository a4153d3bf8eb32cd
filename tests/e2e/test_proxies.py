"""Calls through the reverse proxies whose configuration is shipped: real ones, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

DEPLOY = Path(__file__).parents[2] / "deploy"
GATEWAY = "127.0.0.1:8000"
"""As the files name it."""


def nginx(folder: Path, port: int, gateway: str) -> list[str]:
    site = (DEPLOY / "nginx.conf").read_text()
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};").replace(GATEWAY, gateway)
    site = re.sub(r"\n *ssl_certificate.*", "", site)
    whole = f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "conf").write_text(f"{whole}http {{\naccess_log off;\n{temporary}{site}}}\n")
    return ["nginx", "-c", f"{folder}/conf", "-e", "stderr"]


def haproxy(folder: Path, port: int, gateway: str) -> list[str]:
    text = (DEPLOY / "haproxy.cfg").read_text().replace(GATEWAY, gateway)
    (folder / "conf").write_text(re.sub(r"bind .*", f"bind 127.0.0.1:{port}", text))
    return ["haproxy", "-db", "-f", f"{folder}/conf"]


@contextlib.asynccontextmanager
async def proxy(name: str, folder: Path, gateway: str) -> AsyncIterator[str]:
    """The URL of a proxy before a gateway."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = {"nginx": nginx, "haproxy": haproxy}[name](folder, port, gateway)
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL)
    try:
        async with asyncio.timeout(5):
            while not await answers(port):
                assert process.returncode is None
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        await asyncio.sleep(0.01)
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
async def test_calls_pass_a_proxy(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        proxy(name, tmp_path, gateway.url.removeprefix("http://")) as url,
        aiohttp.ClientSession(url) as http,
    ):
        async with Caller(url) as caller:
            session = await caller.join()
            assert session["sessionId"]
            await caller.reach_model()
            large = await caller.ask("send_audio", bytes(4_000_000), "pcm16")
            assert large["ok"], large
        # A page that came through the proxy is the gateway's own.
        async with http.ws_connect("/v1/realtime", headers={"Origin": url}) as client:
            assert (await client.receive_json())["type"] == "session.created"
        async with http.post("/api/session", json={}, headers={"Origin": url}) as answer:
            assert answer.status == 200
