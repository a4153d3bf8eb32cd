"""A real Redis on loopback, which keeps nothing on the disk."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

LOOPBACK = "127.0.0.1"
PATIENCE = 10.0

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is missing (Debian package)"
)


class RedisServer:
    """A server that may be stopped and started again at its port."""

    def __init__(self, folder: str, *options: str) -> None:
        with socket.create_server((LOOPBACK, 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder, self._options = folder, options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Return when it answers."""
        self.process = subprocess.Popen(
            [
                *("redis-server", "--bind", LOOPBACK, "--port", str(self.port)),
                *("--save", "", "--appendonly", "no", "--dir", self._folder, *self._options),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((LOOPBACK, self.port), PATIENCE) as asking,
            ):
                asking.sendall(b"PING\r\n")
                if asking.recv(64):
                    return
        raise AssertionError(f"redis-server does not answer; {self.process.poll()}")

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
def running_redis(*options: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder, *options)
        try:
            server.start()
            yield server
        finally:
            server.stop()
