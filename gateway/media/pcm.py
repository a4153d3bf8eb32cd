"""The PCM leg: the agent's voice for a client that has no other leg, as PCM16 over its signaling.

Such a client sits behind TCP and buffers what it gets, so that its audio leaves ahead of its time.
What it buffers it can drop again: an answer is cut at what was *played*, by the clock.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.media_time import FRAME_SECONDS, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.media.leg import LegHandler, LegState, LegStats
from gateway.media.pacer import GRID, Pacer
from gateway.media.raw_pcm import resampler

MAX_AHEAD = 0.3
"""Seconds of audio that may lie at the client, by the clock."""

_LEAD = MAX_AHEAD - FRAME_SECONDS - GRID


class PcmLeg:
    """One session's audio to its client. It stays for the session's life, and speaks while it is
    switched on; the other way, ``send_audio``, needs no leg.

    :param playout: the audio owed to the caller.
    :param handler: told what was played.
    :param sample_rate: Hz of what is sent.
    :param send: takes PCM16 mono, 20 ms at a time.
    """

    def __init__(
        self,
        playout: Playout,
        handler: LegHandler,
        sample_rate: int,
        send: Callable[[bytes], None],
    ) -> None:
        self._send = send
        self._resampler = resampler(SAMPLE_RATE, sample_rate)
        self._pacer = Pacer(playout, self._send_frame, handler.on_played, _LEAD)
        self._state = LegState.DISCONNECTED
        self.used = False
        """Whether any audio went either way; a client without a voice has no quality to tell."""

    @property
    def state(self) -> LegState:
        """CONNECTED while it is switched on."""
        return self._state

    def switch(self, on: bool) -> None:
        """Speak, or hold what is owed: nobody listens, or another leg speaks."""
        if self._state is LegState.CLOSED:
            return
        self._state = LegState.CONNECTED if on else LegState.DISCONNECTED
        if on:
            self._pacer.wake()
        else:
            self._pacer.pause()

    def wake(self) -> None:
        """Audio is owed: start sending it, if the leg was silent."""
        if self._state is LegState.CONNECTED:
            self._pacer.wake()

    def _send_frame(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        if self._resampler is not None:
            if talkspurt:
                self._resampler.flush()  # The last millisecond of the talkspurt before.
            pcm = self._resampler(pcm).astype("<i2", copy=False).tobytes()
        if pcm:
            self.used = True
            self._send(pcm)

    @property
    def data_open(self) -> bool:
        """There is no data channel."""
        return False

    def send_data(self, message: str) -> None:
        """There is no data channel."""

    def stats(self) -> LegStats:
        """Nothing is known of a path behind TCP."""
        return LegStats()

    async def close(self) -> None:
        """Stop; may be called twice."""
        self._state = LegState.CLOSED
        self._pacer.close()
