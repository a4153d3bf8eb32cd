"""OpenAI's packages for JavaScript in Node, unmodified: the Agents SDK, and `openai`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from client.python import Microphone
from client.python.peer import Peer
from signaling.app import Gateway
from tests import speech
from tests.certificates import self_signed
from tests.e2e.test_openai_python import SUPERVISOR
from tests.npm import installed
from tests.realtime_gateways import (
    AGENTS,
    FREE,
    STRICT_AGENTS,
    STRICT_FREE,
    RealtimeGateways,
    realtime_gateways,
)
from tests.signaling.callers import until
from tests.strict_model import WORDS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

SAYS = "conf-onlyperson"
SCRIPT = Path(__file__).with_name("openai_node.mjs")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The package ``openai`` opens WebSockets on TLS only."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = speech.read_wav(speech.prompt(SAYS), 24_000)
    file = tmp_path_factory.mktemp("speech") / "line.pcm"
    file.write_bytes(np.concatenate([words, speech.silence(1.0, 24_000)]).tobytes())
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways(certificate: tuple[Path, Path]) -> AsyncIterator[RealtimeGateways]:
    chain, key = certificate
    async with realtime_gateways(tls_cert=chain, tls_key=key) as running:
        yield running


@pytest.fixture
def gateway(request: pytest.FixtureRequest, gateways: RealtimeGateways) -> Iterator[Gateway]:
    yield gateways.by_name[request.param]
    assert not gateways.strict.take_faults()


async def node(certificate: Path, *arguments: str | Path) -> dict[str, Any]:
    """What the script saw."""
    installed("@openai/agents-realtime")
    program = shutil.which("node") or ""
    process = await asyncio.create_subprocess_exec(
        *(program, SCRIPT, *arguments),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(40.0):
            said = (await process.communicate())[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    seen: dict[str, Any] = json.loads(said)
    return seen


def is_understood(said: str) -> bool:
    words = speech.PROMPTS[SAYS]
    return said == WORDS or speech.word_error_rate(words, said) <= 0.15


@pytest.mark.parametrize("gateway", [FREE, STRICT_FREE], indirect=True)
async def test_the_agents_sdk_over_websocket(
    gateway: Gateway, certificate: tuple[Path, Path], line: Path
) -> None:
    seen = await node(certificate[0], "agents", gateway.url, SUPERVISOR, line)
    assert is_understood(seen["user"]), seen
    assert seen["assistant"]
    assert seen["heard"] > 24_000 // 4
    assert seen["ran"] == 1
    assert seen["errors"] == []
    await until(lambda: not gateway.sessions)


@pytest.mark.parametrize("gateway", [AGENTS, STRICT_AGENTS, STRICT_FREE], indirect=True)
async def test_the_openai_package(
    gateway: Gateway, certificate: tuple[Path, Path], line: Path
) -> None:
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, _ = await peer.offer()
    async with (
        aiohttp.ClientSession() as caller,
        caller.post(
            f"{gateway.url}/v1/realtime/calls",
            data=offer,
            headers={"Content-Type": "application/sdp"},
            ssl=False,
        ) as response,
    ):
        call_id = response.headers["Location"].rsplit("/", 1)[-1]
        await peer.accept(await response.text())
    await peer.wait_connected(10.0)
    seen = await node(certificate[0], "openai", gateway.url, call_id, line)
    assert seen["key"] == "ek_"
    assert is_understood(seen["transcript"]), seen
    assert seen["answered"] == "completed"
    assert seen["unknown"]["status"] == 404
    assert seen["unknown"]["hasRequestId"]
    assert seen["passedOn"]["status"] == 409
    assert seen["code"] == 1000
    microphone.stop()
    await peer.close()
    await until(lambda: not gateway.sessions)
