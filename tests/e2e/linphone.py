"""linphonec, Linphone without a screen, for tests: it speaks one file and records others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.speech import Samples

PATIENCE = 15.0

# By its first two settings it takes loopback for a network; else it opens no port.
_CONFIG = """\
[sip]
auto_net_state_mon=0
register_only_when_network_is_up=0
bind_address=127.0.0.1
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
verify_server_certs=0
verify_server_cn=0
media_encryption={encryption}
media_encryption_mandatory={mandatory}
default_proxy=0
[rtp]
bind_address=127.0.0.1
audio_rtp_port=-1
[net]
dns_srv_enabled=0
[proxy_0]
reg_proxy=<sip:{registrar}>
reg_identity=sip:{name}@127.0.0.1
reg_sendregister=1
reg_expires=60
[auth_info_0]
username={name}
passwd={password}
"""
_CODEC = """\
[audio_codec_{number}]
mime={name}
rate={rate}
enabled={enabled}
"""
_CODECS = {"opus": 48_000, "PCMU": 8_000, "PCMA": 8_000, "G722": 8_000}


async def version() -> str:
    """Its name and version, as it says them."""
    program = await asyncio.create_subprocess_exec(
        "linphonec", "-v", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    told = re.search(rb"version: ([\d.]+)", (await program.communicate())[0])
    assert told is not None
    return f"linphonec {told[1].decode()}"


class Linphone:
    """A phone at its prompt.

    :param terminal: the other end of its terminal.
    """

    def __init__(self, terminal: int, folder: Path) -> None:
        self._terminal = terminal
        self._folder = folder
        self._recordings = 0
        self._printed = ""
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(terminal, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._terminal)

    def type(self, command: str) -> None:
        """A command: ``call``, ``pause``, ``resume``, ``terminate``; keys of a phone are DTMF."""
        os.write(self._terminal, f"{command}\n".encode())

    def records(self) -> Path:
        """The file that gets what is heard from the next time on that media begin."""
        path = self._folder / f"heard-{self._recordings}.wav"
        self._recordings += 1
        self.type(f"record {path}")
        return path

    async def says(self, words: str) -> None:
        """Wait until it has printed that, after what was waited for before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while words not in self._printed:
                    self._changed.clear()
                    await self._changed.wait()
        assert words in self._printed, self._printed
        self._printed = self._printed.partition(words)[2]

    def _read(self) -> None:
        try:
            self._printed += os.read(self._terminal, 4_096).decode(errors="replace")
        except OSError:
            # What Linux says once the last process at the terminal has ended.
            self.close()
        self._changed.set()


@contextlib.asynccontextmanager
async def linphone(
    folder: Path,
    registrar: str,
    speech: Samples,
    rate: int,
    *,
    name: str,
    password: str,
    codec: str = "opus",
    encryption: str = "none",
) -> AsyncIterator[Linphone]:
    """A phone that registers, and answers every call; skips the test where Debian's package is
    missing.

    :param registrar: host, port and parameters of the gateway.
    :param speech: what it says from the moment on that media begin; ``rate`` in Hz.
    :param codec: the one it has; a key of `_CODECS`.
    :param encryption: ``none``, ``srtp`` (SDES) or ``dtls``.
    """
    program = shutil.which("linphonec")
    if program is None:
        pytest.skip("needs Debian's package linphone-cli")
    with wave.open(str(folder / "says.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(speech.astype("<i2").tobytes())
    (folder / ".local/share/linphone").mkdir(parents=True)
    config = folder / "linphonerc"
    config.write_text(
        _CONFIG.format(
            encryption=encryption,
            mandatory=int(encryption != "none"),
            registrar=registrar,
            name=name,
            password=password,
        )
        + "".join(
            _CODEC.format(number=number, name=each, rate=hz, enabled=int(each == codec))
            for number, (each, hz) in enumerate(_CODECS.items())
        )
    )
    terminal, its_end = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, "-a", "-c", config),
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            cwd=folder,
            env={"HOME": str(folder), "TERM": "dumb", "PATH": os.defpath},
        )
    finally:
        os.close(its_end)
    phone = Linphone(terminal, folder)
    try:
        phone.type("soundcard use files")
        await phone.says("Using wav files")
        phone.type(f"play {folder / 'says.wav'}")
        yield phone
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        phone.close()
        os.close(terminal)
