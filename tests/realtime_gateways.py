"""Gateways for clients of the Realtime protocol: both ways of use, before the embedded model and
before one that is strict.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from gateway.core.control import Control
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.strict_model import StrictModel

AGENTS = "agents"
FREE = "free"
"""Pass-through."""
STRICT_AGENTS = "strict-agents"
STRICT_FREE = "strict-free"

ALL = (AGENTS, FREE, STRICT_AGENTS, STRICT_FREE)


@dataclass(frozen=True, slots=True)
class RealtimeGateways:
    by_name: dict[str, Gateway]
    strict: StrictModel


@contextlib.asynccontextmanager
async def realtime_gateways(**settings: Any) -> AsyncIterator[RealtimeGateways]:
    """One of each of :data:`ALL` with ``settings``, and two models."""
    free = {"client_control": Control.PASS_THROUGH}
    async with contextlib.AsyncExitStack() as stack:
        agents = await stack.enter_async_context(running_gateway(None, **settings))
        assert agents._embedded is not None
        embedded = f"ws://127.0.0.1:{agents._embedded._port}/v1/realtime"
        strict = await stack.enter_async_context(StrictModel())
        urls = {FREE: embedded, STRICT_AGENTS: strict.url, STRICT_FREE: strict.url}
        by_name = {AGENTS: agents}
        for name, url in urls.items():
            way = free if name in (FREE, STRICT_FREE) else {}
            running = running_gateway(url, **way, **settings)
            by_name[name] = await stack.enter_async_context(running)
        yield RealtimeGateways(by_name, strict)
