"""The OpenAPI document: all routes are in it, and what it says is so.

``FUZZ_EXAMPLES=15`` in the environment for as many random requests of each operation, beside those
at the bounds of its schema.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import schemathesis
import structlog

from signaling.access import ACCESS, Access
from signaling.app import Gateway
from signaling.openapi import DOCUMENT
from tests.gateway.recording.test_store import make, name
from tests.gateways import running_gateway
from tests.signaling import schemathesis_hooks
from tests.stand_in import StandIn

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SECONDS = 100.0 + 10 * EXAMPLES
METHODS = {"get", "put", "post", "delete", "options", "patch"}
EVERY_METHOD = {"GET", "POST", "OPTIONS"}
"""That Socket.IO has, whose route takes all."""


@pytest_asyncio.fixture
async def served(model: StandIn, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with every route, and no bound to how often they may be used."""
    for number in (1, 2, 3):
        make(tmp_path, number, started=number * 1000, size=1000 * number)
    rates = {"call_rate": "100000/100000", "request_rate": "100000/100000"}
    async with running_gateway(model.url, record_dir=tmp_path, **rates) as gateway:
        yield gateway


def routes(gateway: Gateway) -> set[tuple[str, str]]:
    assert gateway._runner is not None
    found = set()
    for route in gateway._runner.app.router.routes():
        assert route.resource is not None
        methods = EVERY_METHOD if route.method == "*" else {route.method} - {"HEAD"}
        found |= {(method, route.resource.canonical) for method in methods}
    return found


async def test_every_route_is_in_it_and_nothing_else(served: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{served.url}/openapi.json") as answer:
        document = await answer.json()
        assert answer.status == 200
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations.keys() & METHODS
    }
    assert described == routes(served)


def test_who_may_use_a_route_is_as_the_table_has_it() -> None:
    document = json.loads(DOCUMENT.read_text("utf-8"))
    scopes = {Access.OPEN: None, Access.ADMIN: "admin"}
    for path, operations in document["paths"].items():
        for method in operations.keys() & METHODS:
            needs = ACCESS.get((method.upper(), path)) or ACCESS["*", path]
            bearer = [way["bearer"] for way in operations[method]["security"] if "bearer" in way]
            scope = scopes.get(needs, "call")
            assert bearer == ([] if scope is None else [[scope]]), (method, path)


@pytest.mark.timeout(SECONDS + 20)
async def test_nothing_it_lets_one_send_breaks_the_gateway(
    served: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And all answers are as it says."""
    # Engine.IO's errors are its own; test_strange_payloads.py is about that door.
    phases = ["--phases", "coverage"]
    if EXAMPLES:
        phases = ["--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)]
    command = [
        *("--config-file", str(CONFIG), "run", f"{served.url}/openapi.json", *phases),
        *("--exclude-path", "/socket.io/", "--no-color", "--warnings", "off"),
        "--generation-deterministic",
    ]
    with structlog.testing.capture_logs() as logged:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("schemathesis")), *command),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        async with asyncio.timeout(SECONDS):
            report = await process.stdout.read()
            assert await process.wait() == 0, report.decode()
    assert [entry for entry in logged if entry["log_level"] == "error"] == []
    ours = [r for r in caplog.records if r.levelno >= logging.ERROR and "websockets" not in r.name]
    assert ours == []


async def test_what_succeeds_is_as_it_says(served: Gateway) -> None:
    """Schemathesis, for its part, knows no recording and no call that there are."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))
    schema = schemathesis.openapi.from_dict(document)

    def ask(method: str, path: str, status: int, **fields: Any) -> Any:
        case = schema[path][method].Case(**fields)
        answer = case.call(base_url=served.url)
        assert answer.status_code == status, answer.text
        case.validate_response(answer)
        return answer

    def all_of_it() -> None:
        recording = {"id": name(2)}
        ask("GET", "/api/recordings", 200, query={"limit": 2})
        ask("GET", "/api/recordings/{id}", 200, path_parameters=recording)
        file = {**recording, "file": "recording.ogg"}
        ask("GET", "/api/recordings/{id}/{file}", 200, path_parameters=file)
        ask("DELETE", "/api/recordings/{id}", 204, path_parameters=recording)
        ask("GET", "/api/recordings/{id}", 404, path_parameters=recording)
        offer = {"body": schemathesis_hooks.GOOD, "media_type": "application/sdp"}
        called = ask("POST", "/v1/realtime/calls", 201, **offer)
        call = {"call_id": called.headers["location"][0].rpartition("/")[2]}
        (shown,) = ask("GET", "/api/sessions", 200).json()["sessions"]
        session = {"id": shown["id"]}
        ask("GET", "/api/sessions/{id}", 200, path_parameters=session)
        text = {"body": {"text": "Say goodbye."}, "media_type": "application/json"}
        ask("POST", "/api/sessions/{id}/text", 202, path_parameters=session, **text)
        heard = ask("POST", "/api/sessions/{id}/listen", 201, path_parameters=session, **offer)
        listening = {**session, "listener": heard.headers["location"][0].rpartition("/")[2]}
        ask("DELETE", "/api/sessions/{id}/listen/{listener}", 200, path_parameters=listening)
        control = "/v1/realtime/calls/{call_id}"
        ask("POST", f"{control}/accept", 409, path_parameters=call)
        ask("POST", f"{control}/hangup", 200, path_parameters=call)
        ask("POST", f"{control}/hangup", 404, path_parameters=call)
        called = ask("POST", "/whip", 201, **offer)
        call = {"call_id": called.headers["location"][0].rpartition("/")[2]}
        ask("OPTIONS", "/whip/{call_id}", 204, path_parameters=call)
        ask("DELETE", "/whip/{call_id}", 200, path_parameters=call)
        ask("GET", "/api/history", 200)
        ask("GET", "/api/agents", 200)

    await asyncio.to_thread(all_of_it)
