"""Pressing keys of a telephone in an RTP stream (RFC 4733)."""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.core.telephone_event import UPDATE_MS, pressed
from gateway.media.leg import KeysNotTaken
from gateway.media.stream import RtpStream

PAUSE_MS: Final = 80
"""Between two keys, for who turns them into tones."""


class KeySender:
    """Presses keys in one stream, one at a time."""

    def __init__(self, stream: RtpStream) -> None:
        self._stream = stream
        self._turn = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether keys are being pressed."""
        return self._turn.locked()

    async def press(self, keys: str) -> None:
        """Press ``keys`` and return when the last one is over; others that are being pressed come
        first.

        :raises KeysNotTaken: the peer takes no events; also in the middle, when it holds the call
            or is gone.
        :raises ValueError: something in ``keys`` is no key.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            due = loop.time()
            for at, key in enumerate(keys):
                rate = self._stream.event_clock_rate
                if rate is None:
                    raise KeysNotTaken(keys[at:])
                timestamp = self._stream.event_time()
                for number, payload in enumerate(pressed(key, rate)):
                    self._stream.send_event(payload, timestamp, number == 0)
                    due += UPDATE_MS / 1000
                    await asyncio.sleep(due - loop.time())
                due += PAUSE_MS / 1000
                await asyncio.sleep(due - loop.time())
