"""The embedded model's process, as the gateway owns it: started, watched, restarted, stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from gateway.local_model.__main__ import READY
from gateway.local_model.weights import ModelUnavailable

log = structlog.get_logger(__name__)

_START_DEADLINE = 30.0
"""Seconds from the start to the ready line; on a quiet machine it takes 2."""
_STOP_DEADLINE = 3.0
"""Seconds from SIGTERM to SIGKILL."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.2, 10.0
_SETTLED = 30.0
"""A process that lived this long did not fail to start; the back-off begins anew."""
_LONGEST_LINE = 1024 * 1024
"""Bytes of one line of the process's log."""
_MODULE = "gateway.local_model"
_ROOT = Path(__file__).resolve().parents[2]


class EmbeddedModel:
    """One model process on one port, for as long as the gateway runs.

    If the process dies it is started again on the same port, so the URL stays true.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._log_reader: asyncio.Task[None] | None = None
        self._last_line = ""

    @property
    def pid(self) -> int | None:
        """The process now running; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> str:
        """Start the process and wait until it serves; returns the WebSocket URL.

        Raises `ModelUnavailable` with the reason where it does not come up.
        """
        url = await self._spawn()
        self._watcher = asyncio.create_task(self._watch(), name="embedded model")
        return url

    async def stop(self) -> None:
        """End the process, by force after a deadline; leaves nothing behind."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        await self._end()

    async def _spawn(self) -> str:
        """One process, up to its ready line."""
        command = (sys.executable, "-m", _MODULE, "--exit-with-parent")
        address = ("--host", self._host, "--port", str(self._port))
        # Standard input is held open, never written to: its end tells the child that we are gone.
        self._process = await asyncio.create_subprocess_exec(
            *command,
            *address,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_LONGEST_LINE,
            env=_environment(),
        )
        self._log_reader = asyncio.create_task(
            self._read_log(self._process), name="embedded model's log"
        )
        url = None
        try:
            async with asyncio.timeout(_START_DEADLINE):
                url = await self._announced_url(self._process)
        except TimeoutError:
            raise ModelUnavailable(
                f"the embedded model was not ready within {_START_DEADLINE:g} s"
            ) from None
        finally:
            if url is None:
                await self._end()
        self._port = urlsplit(url).port or self._port
        return url

    async def _announced_url(self, process: Process) -> str:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode(errors="replace").strip()
        if line.startswith(READY):
            return line.removeprefix(READY)
        # It ended instead. Its last words are on the other pipe.
        assert self._log_reader is not None
        await self._log_reader
        raise ModelUnavailable(self._last_line or "the embedded model ended without a word")

    async def _read_log(self, process: Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self._last_line = line.decode(errors="replace").rstrip()
            log.info("embedded model", line=self._last_line)

    async def _watch(self) -> None:
        """Start the process again whenever it dies, ever more slowly while it keeps dying."""
        backoff = _FIRST_BACKOFF
        loop = asyncio.get_running_loop()
        while True:
            assert self._process is not None
            since = loop.time()
            status = await self._process.wait()
            await self._end()
            if loop.time() - since > _SETTLED:
                backoff = _FIRST_BACKOFF
            log.error("embedded model died", status=status, restart_in=backoff)
            while not await self._restarted_after(backoff):
                backoff = min(backoff * 2, _LONGEST_BACKOFF)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _restarted_after(self, delay: float) -> bool:
        await asyncio.sleep(delay)
        try:
            url = await self._spawn()
        except (ModelUnavailable, OSError) as error:
            log.error("embedded model does not start", reason=str(error))
            return False
        log.info("embedded model restarted", url=url)
        return True

    async def _end(self) -> None:
        """No process, no pipe and no task of it after this."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_DEADLINE):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._log_reader is not None:
            await asyncio.gather(self._log_reader, return_exceptions=True)
        self._process = self._log_reader = None


def _environment() -> dict[str, str]:
    """Ours, with the gateway's own source first, wherever we were started from."""
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{_ROOT}{os.pathsep}{path}" if path else str(_ROOT)}
