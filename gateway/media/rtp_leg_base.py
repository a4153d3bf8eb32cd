"""What all legs that speak RTP have in common: a state by the table, and an end that releases
everything, whoever brings it about.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

from gateway.core.audio_agreement import AudioAgreement
from gateway.core.jitter import ReceiveWindow
from gateway.core.playout import Playout
from gateway.media.codec import AudioCodec
from gateway.media.keys import KeySender
from gateway.media.leg import TRANSITIONS, LegEvent, LegHandler, LegState, LegStats
from gateway.media.pacer import Pacer
from gateway.media.stream import RtpStream


class RtpLegBase(ABC):
    """One leg's stream, pacer and state.

    :param handler: told of audio, keys and state.
    :param playout: the audio owed to the caller; the session pushes, the leg takes frames.
    :param ssrc: ours, 32 bits, announced in SDP; ``cname`` goes with it.
    :param send_rtp, send_rtcp: take a packet in clear.
    """

    def __init__(
        self,
        handler: LegHandler,
        playout: Playout,
        ssrc: int,
        cname: str,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
    ) -> None:
        self._handler = handler
        self._rtp = RtpStream(ssrc, cname, send_rtp, send_rtcp, handler.on_audio, handler.on_dtmf)
        self._pacer = Pacer(playout, self._rtp.send, handler.on_played)
        self._keys = KeySender(self._rtp)
        self._state = LegState.NEW
        self._releasing: asyncio.Task[None] | None = None

    @property
    def state(self) -> LegState:
        """Where the leg stands; FAILED and CLOSED are final."""
        return self._state

    @property
    def codec(self) -> str | None:
        """The name of the codec that is spoken; None: none was agreed on yet."""
        return self._rtp.codec

    def _use(self, audio: AudioAgreement | None) -> None:
        """Speak as agreed from now on; None: there is no audio now."""
        self._rtp.agree(audio)
        if audio is not None:
            self._pacer.use_frames(audio.packet_samples)

    def watch_windows(self, watch: Callable[[ReceiveWindow, AudioCodec], None]) -> None:
        """As :meth:`RtpStream.watch_windows`."""
        self._rtp.watch_windows(watch)

    @abstractmethod
    def wake(self) -> None:
        """Audio is owed: start sending it, if the leg was silent."""

    async def send_dtmf(self, keys: str) -> None:
        """Press keys of ``0-9*#A-D`` towards the peer, one after the other (RFC 4733). What the
        agent has to say waits meanwhile.

        :raises KeysNotTaken: the peer takes no events, or does not listen now.
        """
        self._pacer.pause()
        try:
            await self._keys.press(keys)
        finally:
            self.wake()

    @property
    @abstractmethod
    def data_open(self) -> bool:
        """Whether the caller opened a data channel."""

    @abstractmethod
    def send_data(self, message: str) -> None:
        """Send a text message on the caller's data channel, as far as it takes one."""

    @abstractmethod
    async def _release(self) -> None:
        """Give back what takes time to give back."""

    def _feed(self, what: LegEvent) -> None:
        """Follow the table; a leg that cannot be heard holds its audio, and goes on from there."""
        state = TRANSITIONS.get((self._state, what))
        if state is None:
            return
        self._state = state
        if state is LegState.DISCONNECTED:
            self._pacer.pause()
        self._handler.on_leg_state(self, state)
        self.wake()

    async def close(self) -> None:
        """Hang up, and return when nothing of the leg is left. Cancelled, it still gets there."""
        self._end(LegEvent.CLOSED)
        assert self._releasing is not None
        await asyncio.shield(self._releasing)

    def _end(self, how: LegEvent) -> None:
        """Stop media at once and say so; what takes time is left to a task that nobody cancels."""
        if self._releasing is None:
            if self._state in (LegState.CONNECTED, LegState.DISCONNECTED):
                self._rtp.say_bye()
            self._pacer.close()
            self._rtp.close()
            self._releasing = asyncio.create_task(self._release(), name="leg-release")
        self._feed(how)

    def stats(self) -> LegStats:
        """What is known of the path; how well it carries is unknown while it carries nothing."""
        stats = self._rtp.stats()
        if self._state is not LegState.DISCONNECTED:
            return stats
        return replace(
            stats, rtt_ms=None, jitter_ms=None, loss_percent=None, remote_loss_percent=None
        )
