"""A server's certificate, which may be renewed while it serves."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

CHECK_INTERVAL: Final = 5.0
"""Seconds between two looks at the files."""

Stamp = tuple[tuple[int, int, int], ...]
"""Of each file: its inode, its size, when it was written."""


class CertificateError(Exception):
    """The files hold no certificate that can be used: a few words say why."""


class ServerCertificate:
    """A certificate with its chain, and its key, in PEM files.

    Each handshake gets a context that was loaded whole, in place of the one that listens: a pair of
    which half is written is never used, and connections that are open stay as they are.

    :param key: None: it is in the certificate's file.
    :ivar context: for whoever listens, the same for as long as the gateway runs.
    :raises CertificateError: they cannot be used.
    """

    def __init__(self, chain: Path, key: Path | None) -> None:
        self._chain = chain
        self._key = key
        self._watching: asyncio.Task[None] | None = None
        try:
            self._seen: Stamp | None = self._stamp()
            self.context = self._load()
        except OSError as error:
            raise CertificateError(_reason(error)) from None
        self._current = self.context
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        # Called also for a client that names no server.
        connection.context = self._current

    def watch(self) -> None:
        """Look at the files, until :meth:`close`."""
        self._watching = asyncio.create_task(self._watch(), name="certificate")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            # The files may be on a network.
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Take up what the files hold now. What cannot be used is told to the log, once."""
        try:
            # Before they are read, so that what is written meanwhile is seen the next time.
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            self._current = self._load()
        except ssl.SSLError as error:
            log.warning("certificate kept", file=str(self._chain), reason=_reason(error))
        except OSError as error:
            if self._seen is not None:
                log.warning("certificate kept", file=str(self._chain), reason=_reason(error))
            self._seen = None
        else:
            log.info("certificate renewed", file=str(self._chain))

    def _stamp(self) -> Stamp:
        files = [self._chain] if self._key is None else [self._chain, self._key]
        found = [file.stat() for file in files]
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in found)

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # With none, the terminal would be asked for it.
        context.load_cert_chain(self._chain, self._key, password="")
        return context


def _reason(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return (error.strerror or str(error)).lower()
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not the certificate's"
    return "expected a certificate and a key without a password, in PEM"
