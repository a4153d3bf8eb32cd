"""A real TURN server on loopback: coturn, with credentials made from a shared secret."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.json_settings import IceServer
from signaling.ice import IceServers

LOOPBACK = "127.0.0.1"
SECRET = "between-coturn-and-the-gateway"
PATIENCE = 10.0

needs_coturn = pytest.mark.skipif(
    shutil.which("turnserver") is None, reason="turnserver is missing (Debian package coturn)"
)

# RFC 8489 §5: a Binding request without attributes.
_BINDING_REQUEST = bytes.fromhex("0001 0000 2112a442") + bytes(12)


@dataclass(frozen=True)
class Coturn:
    """A running server. ``log`` grows while it runs."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def freeze(self) -> None:
        """Answer nothing more, as a server that is cut off."""
        self.process.send_signal(signal.SIGSTOP)

    def servers(self, transport: str, secret: str = SECRET) -> IceServers:
        """What a gateway whose ``TURN_SECRET`` is ``secret`` gives its clients and itself."""
        url = f"turn:{LOOPBACK}:{self.port}?transport={transport}"
        return IceServers([IceServer(urls=(url,))], secret, 3600.0)


_HOUSE = (
    "--no-cli",
    "--realm=talkpath.test",
    "--use-auth-secret",
    f"--static-auth-secret={SECRET}",
)


@contextlib.contextmanager
def running_coturn(*options: str, house: Sequence[str] = _HOUSE) -> Iterator[Coturn]:
    """:param house: what whoever runs it decides: realm and secret."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("turnserver", "-n", "--no-tls", "--no-dtls", "--no-rfc5780", *house),
                *("--allow-loopback-peers", f"--listening-ip={LOOPBACK}", f"--relay-ip={LOOPBACK}"),
                *(f"--listening-port={port}", "--relay-threads=1"),
                *("--log-file=stdout", "--simple-log", "--verbose"),
                *(f"--pidfile={folder}/pid", f"--userdb={folder}/db", *options),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            _until_it_answers(port, process)
            yield Coturn(port, Path(log.name), process)
        finally:
            process.kill()
            process.wait(PATIENCE)


def _free_port() -> int:
    """A port that neither UDP nor TCP uses."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.create_server((LOOPBACK, 0)) as tcp, udp, contextlib.suppress(OSError):
            port: int = tcp.getsockname()[1]
            udp.bind((LOOPBACK, port))
            return port


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect((LOOPBACK, port))
        asking.settimeout(0.05)
        while time.monotonic() < deadline and process.poll() is None:
            # Refused, as long as nobody listens there.
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                asking.send(_BINDING_REQUEST)
                asking.recv(2048)
                return
    raise AssertionError(f"coturn does not answer; exit status {process.poll()}")
