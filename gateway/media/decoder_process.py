"""The decoder's process, as the gateway owns it: started with the first file, started anew after a
file that it did not survive, dismissed when there was nothing to decode for a while.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.core.events import ErrorCode, GatewayError
from gateway.media.decoded import (
    PIECE_BYTES,
    Decoded,
    not_understood,
    too_many,
    too_much_work,
)

log = structlog.get_logger(__name__)

IDLE: Final = 60.0
"""Seconds without a file after which the process is not kept."""

TURN_TIMEOUT: Final = 2.0
"""Seconds until a file that still waits for its turn is refused."""

ANSWER_TIMEOUT: Final = 2.5
"""Seconds from its turn until the answer, on a machine that gives the process little CPU."""

_MODULE: Final = "gateway.media.decoder"
_ROOT: Final = Path(__file__).resolve().parents[2]

_Reply = tuple[dict[str, Any], list[bytes]]


class DecoderProcess:
    """Decodes one file after another, elsewhere. Starts nothing before it is used."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return self._process.pid if self._process is not None else None

    async def decode(
        self, container: str, data: bytes, spent: Callable[[float], None] = lambda _: None
    ) -> Decoded:
        """The audio of a whole file, once those before it are done. May be cancelled.

        :param spent: is told for how many seconds it kept the process busy, whatever came of it.
        :raises GatewayError: ``unsupported_format`` or ``too_large``; ``capacity``: those before it
            took too long, or it is closed.
        """
        try:
            async with asyncio.timeout(TURN_TIMEOUT):
                await self._turn.acquire()
        except TimeoutError:
            raise too_many() from None
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            head, pieces = await self._in_turn(container, data)
        finally:
            spent(clock() - began)
            self._turn.release()
        if "code" in head:
            raise GatewayError(ErrorCode(head["code"]), head["message"])
        return Decoded(pieces, head["rate"], head["channels"])

    async def _in_turn(self, container: str, data: bytes) -> _Reply:
        """The reply; without one the process is of no further use."""
        self._stop_idling()
        if self._closed:
            raise GatewayError(ErrorCode.CAPACITY, "the gateway is shutting down")
        if self._process is None or self._process.returncode is not None:
            self._process = await _start()
        process, reply = self._process, None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                reply = await _ask(process, container, data)
        except (asyncio.IncompleteReadError, ConnectionError):
            # A signal now could take its status from under asyncio's eyes.
            status = await process.wait()
            log.warning("a file ended its decoder", container=container, status=status)
            slow = status == -signal.SIGPROF
            raise too_much_work() if slow else not_understood(container) from None
        except TimeoutError:
            raise too_much_work() from None
        finally:
            if reply is None:
                await self._end()
        self._idle = asyncio.get_running_loop().call_later(IDLE, self._dismiss)
        return reply

    async def close(self) -> None:
        """Take no more files, and end the process whatever it does."""
        self._closed = True
        decoding = self._process if self._turn.locked() else None
        if decoding is not None and decoding.returncode is None:
            decoding.kill()
        async with self._turn:
            self._stop_idling()
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.communicate()  # Which waits, and closes the pipes.

    def _dismiss(self) -> None:
        """The end of its input is the end of it."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _MODULE),
        stdin=PIPE,
        stdout=PIPE,
        # Nothing of ours that is secret, should a file ever take it over.
        env={"PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path])},
        # The interrupt key of a terminal is the gateway's to answer.
        start_new_session=True,
    )


async def _ask(process: Process, container: str, data: bytes) -> _Reply:
    """:raises IncompleteReadError, ConnectionError: the process ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    request = {"container": container, "size": len(data)}
    process.stdin.write(json.dumps(request).encode() + b"\n")
    for start in range(0, len(data), PIECE_BYTES):
        process.stdin.write(data[start : start + PIECE_BYTES])
        await process.stdin.drain()
    head: dict[str, Any] = json.loads(await process.stdout.readuntil())
    left, pieces = head.get("size", 0), list[bytes]()
    while left:
        pieces.append(await process.stdout.readexactly(min(left, PIECE_BYTES)))
        left -= len(pieces[-1])
    return head, pieces
