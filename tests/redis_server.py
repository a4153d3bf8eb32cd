"""A real Redis on loopback, which keeps nothing on the disk."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

LOOPBACK = "127.0.0.1"
PATIENCE = 10.0

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is missing (Debian package)"
)


class RedisServer:
    """A server that may be stopped and started again at its port."""

    def __init__(
        self, folder: str, *options: str, certificate: Path | None, key: Path | None
    ) -> None:
        with socket.create_server((LOOPBACK, 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder, self._options = folder, options
        self._certificate = certificate
        if certificate is None:
            self._options += ("--port", str(self.port))
        else:
            self._options += ("--port", "0", "--tls-port", str(self.port))
            self._options += ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
            self._options += ("--tls-auth-clients", "no")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        if self._certificate is None:
            return f"redis://{LOOPBACK}:{self.port}"
        return f"rediss://{LOOPBACK}:{self.port}?ssl_ca_certs={self._certificate}"

    def start(self) -> None:
        """Return when it answers."""
        self.process = subprocess.Popen(
            [
                *("redis-server", "--bind", LOOPBACK),
                *("--save", "", "--appendonly", "no", "--dir", self._folder, *self._options),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), self._connected() as asking:
                asking.sendall(b"PING\r\n")
                if asking.recv(64):
                    return
        raise AssertionError(f"redis-server does not answer; {self.process.poll()}")

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((LOOPBACK, self.port), PATIENCE)
        if self._certificate is None:
            return plain
        context = ssl.create_default_context(cafile=str(self._certificate))
        return context.wrap_socket(plain, server_hostname=LOOPBACK)

    def freeze(self) -> None:
        """Say nothing more, as a machine that is cut off."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It says nothing meanwhile, and does later what it was asked."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def stop(self) -> None:
        """As a machine that fails: at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None


@contextlib.contextmanager
def running_redis(
    *options: str, certificate: Path | None = None, key: Path | None = None
) -> Iterator[RedisServer]:
    """:param certificate: and ``key``: of one that takes TLS, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder, *options, certificate=certificate, key=key)
        try:
            server.start()
            yield server
        finally:
            server.stop()
