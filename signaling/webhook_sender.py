"""Webhooks delivered: a few attempts, and then whoever sent it knows that nobody listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog

from signaling.webhook import Webhook

log = structlog.get_logger(__name__)

ATTEMPT: Final = 5.0
"""Seconds that an application has to answer."""

PAUSES: Final = (0.5, 2.0)
"""Seconds after the attempts that fail, but the last."""


class WebhookSender:
    """Sends to one address; :meth:`close` it.

    :param key: what is signed with.
    """

    def __init__(self, url: str, key: bytes) -> None:
        self._url = url
        self._key = key
        self._http: aiohttp.ClientSession | None = None
        self.delivered = self.failed = self.attempts = 0
        """Webhooks that were taken, and that were not; and how often it was tried."""

    async def deliver(self, webhook: Webhook, is_wanted: Callable[[], bool]) -> bool:
        """Whether the application took it, with any 2xx.

        :param is_wanted: asked before each further attempt.
        """
        for number, pause in enumerate((*PAUSES, None), 1):
            self.attempts += 1
            if (reason := await self._attempt(webhook)) is None:
                self.delivered += 1
                return True
            log.warning("webhook failed", webhook=webhook.id, attempt=number, reason=reason)
            if pause is None or not is_wanted():
                break
            await asyncio.sleep(pause)
            if not is_wanted():
                break
        self.failed += 1
        return False

    async def _attempt(self, webhook: Webhook) -> str | None:
        """Why it failed. The address is not told: some have a key in it."""
        headers = webhook.headers(self._key, int(time.time()))
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ATTEMPT),
                headers={"User-Agent": "Talkpath"},
                # Each caller waits for its own; how many there are, the callers' door bounds.
                connector=aiohttp.TCPConnector(limit=0),
            )
        try:
            # Redirects are not followed: what is signed is for one address.
            async with self._http.post(
                self._url, data=webhook.body, headers=headers, allow_redirects=False
            ) as answer:
                return None if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
