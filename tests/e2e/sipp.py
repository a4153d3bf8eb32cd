"""sipp, which does in a call what its scenario says."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

NOTHING: Final = "Content-Length: 0\n"
"""A message without a body."""

OK: Final = f"""\
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    {NOTHING}
  ]]></send>
"""


def sdp(payload_type: int = 0, version: int = 1, *lines: str) -> str:
    """A body that offers or answers one codec."""
    more = "".join(f"    {line}\n" for line in lines)
    return f"""Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 {version} IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP {payload_type}
{more}"""


def found() -> str:
    """The program; skips the test where Debian's package is missing."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("needs Debian's package sip-tester")
    return program


async def version() -> str:
    """Its name and version, as it says them."""
    asked = await asyncio.create_subprocess_exec(found(), "-v", stdout=asyncio.subprocess.PIPE)
    told = re.search(rb"SIPp v([\d.]+)", (await asked.communicate())[0])
    assert told is not None
    return f"sipp {told[1].decode()}"


def written(folder: Path, name: str, title: str, steps: str) -> Path:
    """A scenario as a file."""
    file = folder / f"{name}.xml"
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    file.write_text(f'{declared}\n<scenario name="{title}">\n{steps}</scenario>\n')
    return file


def _read(log: Path | None) -> str:
    return log.read_text() if log is not None and log.exists() else ""


class Sipp:
    """It runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def succeeds(self, log: Path | None = None) -> str:
        """All its calls went as they should; what it printed.

        :param log: where its errors are, if it has any.
        """
        output = (await self._process.communicate())[0].decode()
        assert self._process.returncode == 0, (_read(log) or output)[-3000:]
        return output

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@contextlib.asynccontextmanager
async def sipp(folder: Path, *arguments: object, seconds: int = 20) -> AsyncIterator[Sipp]:
    """Run it; what it has not done in so many seconds it gives up."""
    process = await asyncio.create_subprocess_exec(
        found(),
        *map(str, arguments),
        *("-i", "127.0.0.1", "-nostdin", "-timeout", str(seconds)),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Sipp(process)
    try:
        yield running
    finally:
        await running.end()
