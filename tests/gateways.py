"""Gateways for tests: real ones, on loopback, with any Realtime server behind them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gateway.config import Settings, load_settings
from signaling.app import Gateway

LOOPBACK = "127.0.0.1"


def loopback_settings(realtime_url: str | None, **overrides: Any) -> Settings:
    """Settings of a gateway that uses nothing but loopback and any free port."""
    if realtime_url is not None:
        overrides["realtime_url"] = realtime_url
    return load_settings(
        None, **{"host": LOOPBACK, "port": 0, "public_address": (LOOPBACK,), **overrides}
    )


@contextlib.asynccontextmanager
async def running_gateway(realtime_url: str | None, **overrides: Any) -> AsyncIterator[Gateway]:
    """A gateway that serves, and leaves nothing behind. None: the embedded model answers."""
    gateway = Gateway(loopback_settings(realtime_url, **overrides))
    try:
        await gateway.start()
        yield gateway
    finally:
        await gateway.stop()
