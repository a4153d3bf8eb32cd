"""A device that changes its network: a network namespace with two real links to this machine.

Needs root and Debian's package iproute2; where one of them is missing the test is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest


class Device:
    """A namespace with the links ``old`` and ``new``, of which one is up.

    :param folder: for files of its own.
    :ivar gateway_address: this machine's address, which the device reaches over either link.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Test runs at the same time on one machine must not meet.
        self._number = os.getpid() % 100
        self._name = f"talkpath-{os.getpid()}"
        self.gateway_address = self._address("old", 1)

    def _address(self, link: str, host: int) -> str:
        """198.18.0.0/15 is set aside for tests of networks (RFC 2544, appendix C.2.2)."""
        return f"198.{18 if link == 'old' else 19}.{self._number}.{host}"

    def _interface(self, link: str, inside: bool) -> str:
        return f"tp{os.getpid() % 10_000_000}{link[0]}{'i' if inside else 'o'}"

    async def create(self) -> None:
        await _ip("netns", "add", self._name)
        await self._inside("link", "set", "lo", "up")
        for link in ("old", "new"):
            outer, inner = self._interface(link, False), self._interface(link, True)
            pair = ("type", "veth", "peer", "name", inner, "netns", self._name)
            await _ip("link", "add", outer, *pair)
            # An IPv6 address that comes a second later would be a change of network by itself.
            await self._inside("link", "set", inner, "addrgenmode", "none")
            await _ip("address", "add", f"{self._address(link, 1)}/24", "dev", outer)
            await _ip("link", "set", outer, "up")
        await self.attach("old")

    async def remove(self) -> None:
        await _ip("netns", "delete", self._name, check=False)
        for link in ("old", "new"):
            await _ip("link", "delete", self._interface(link, False), check=False)

    async def attach(self, link: str) -> None:
        """Bring a link up, with the route to the gateway over it."""
        interface = self._interface(link, True)
        await self._inside("address", "add", f"{self._address(link, 2)}/24", "dev", interface)
        await self._inside("link", "set", interface, "up")
        await self._inside("route", "replace", "default", "via", self._address(link, 1))

    async def detach(self, link: str) -> None:
        """Take a link down: what was bound to its address is dead."""
        interface = self._interface(link, True)
        await self._inside("address", "flush", "dev", interface)
        await self._inside("link", "set", interface, "down")

    async def _inside(self, *arguments: str) -> None:
        await _ip("-netns", self._name, *arguments)

    def program(self, path: str) -> str:
        """The path of a program that is ``path`` run on this device."""
        script = self._folder / Path(path).name
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self._name} {path} "$@"\n')
        script.chmod(0o755)
        return str(script)


@contextlib.asynccontextmanager
async def device(folder: Path) -> AsyncIterator[Device]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and Debian's package iproute2")
    made = Device(folder)
    try:
        try:
            await made.create()
        except OSError as error:
            pytest.skip(f"network namespaces are not permitted here: {error}")
        yield made
    finally:
        await made.remove()


async def _ip(*arguments: str, check: bool = True) -> None:
    process = await asyncio.create_subprocess_exec("ip", *arguments, stderr=asyncio.subprocess.PIPE)
    _, complaint = await process.communicate()
    if check and process.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {complaint.decode().strip()}")
