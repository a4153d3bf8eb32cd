"""baresip, a softphone without a screen, for tests: it speaks one file and records another."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

MODULES = Path("/usr/lib/baresip/modules")
PATIENCE = 15.0

_CONFIG = """\
module_path {modules}
module stdio.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module ice.so
module {codec}.so
module_tmp uuid.so
module_app account.so
module_app menu.so
net_interface 127.0.0.1
sip_listen 127.0.0.1:0
audio_source aufile,{folder}/says.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
snd_path {folder}
rtcp_mux {mux}
"""


async def version() -> str:
    """Its name and version, as it says them."""
    program = await asyncio.create_subprocess_exec(
        "baresip", "-h", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told = re.search(rb"baresip v([\d.]+)", (await program.communicate())[0])
    assert told is not None
    return f"baresip {told[1].decode()}"


class Baresip:
    """A phone in a call."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    def press(self, keys: str) -> None:
        """Keys of its keyboard: digits are DTMF, ``x`` holds, ``X`` resumes, ``b`` hangs up."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys.encode())

    async def says(self, words: str) -> None:
        """Read what it prints, until it has printed that."""
        assert self._process.stdout is not None
        printed = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while words not in printed:
                    more = await self._process.stdout.read(4096)
                    printed += more.decode(errors="replace")
                    if not more:
                        break
        assert words in printed, printed

    def heard(self) -> tuple[npt.NDArray[np.float64], int]:
        """All that it heard, samples of ±1, and their rate in Hz; once the call is over."""
        pieces: list[npt.NDArray[np.float64]] = []
        rate = 0
        # Another one after each time that the call was held.
        for dump in sorted(self._folder.glob("dump-*-dec.wav")):
            with wave.open(str(dump)) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768
                pieces.append(samples[:: file.getnchannels()])
                rate = file.getframerate()
        return np.concatenate(pieces), rate


@contextlib.asynccontextmanager
async def baresip(
    folder: Path,
    target: str,
    speech: npt.NDArray[np.int16],
    rate: int,
    *,
    name: str = "alice",
    registrar: str = "",
    account: str = "",
    codec: str = "g711",
    channels: int = 1,
) -> AsyncIterator[Baresip]:
    """A phone that calls ``target`` at once, or, if that is empty, waits to be called; skips the
    test where Debian's package is missing.

    :param registrar: where it registers meanwhile; empty: nowhere.
    :param account: parameters of its account, each with a semicolon before it.
    :param codec: the module that has the codec; ``channels`` as that wants them.
    """
    program = shutil.which("baresip")
    if program is None:
        pytest.skip("needs Debian's package baresip-core")
    with wave.open(str(folder / "says.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(speech.astype("<i2"), channels).tobytes())
    config = _CONFIG.format(
        modules=MODULES,
        folder=folder,
        codec=codec,
        mux="yes" if "medianat=ice" in account else "no",
    )
    (folder / "config").write_text(config)
    registers = f';regint=60;outbound="{registrar}"' if registrar else ";regint=0"
    (folder / "accounts").write_text(f"<sip:{name}@phone.example>{registers}{account}\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        program,
        *("-f", folder),
        *(("-e", f"/dial {target}") if target else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Baresip(process, folder)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
