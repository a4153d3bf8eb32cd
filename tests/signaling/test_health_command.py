"""``talkpath health``, asked of real gateways."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from signaling import health_command as health
from signaling.health_command import NotHealthy, ask
from tests.certificates import self_signed
from tests.gateways import loopback_settings, running_gateway
from tests.stand_in import StandIn


@contextlib.contextmanager
def somebody_else(status: int, body: bytes) -> Iterator[int]:
    """A server of another kind; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def test_a_gateway_that_serves_is_healthy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with StandIn() as model, running_gateway(model.url) as gateway:
        port = gateway.url.rpartition(":")[2]
        # As in a container: on every address.
        monkeypatch.setenv("HOST", "0.0.0.0")
        monkeypatch.setenv("ALLOW_ANONYMOUS", "true")
        assert await asyncio.to_thread(health.main, ["--port", port]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ok"
    assert await asyncio.to_thread(health.main, ["--port", port]) == 1
    assert "nobody answers" in capsys.readouterr().err


async def test_whose_certificate_it_is_does_not_matter(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = {"tls_cert": certificate, "tls_key": key}
    async with StandIn() as model, running_gateway(model.url, **tls) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        body = await asyncio.to_thread(ask, loopback_settings(None, port=port, **tls))
    assert json.loads(body)["status"] == "ok"


@pytest.mark.parametrize(
    ("status", "body"), [(503, b'{"status":"x"}'), (200, b"hello"), (200, b"{}"), (200, b"\xff")]
)
def test_what_is_no_gateway_is_not_healthy(status: int, body: bytes) -> None:
    with somebody_else(status, body) as port, pytest.raises(NotHealthy, match=str(port)):
        ask(loopback_settings(None, port=port))


def test_settings_that_are_wrong_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["--port", "99999"]) == 2
    assert "PORT=99999" in capsys.readouterr().err
