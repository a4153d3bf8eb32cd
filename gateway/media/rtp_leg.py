"""The leg of a phone: RTP without ICE, in clear or with keys from SDP, on two UDP ports of its own.

Where WebRTC has connectivity checks, a phone has only its packets: the path is open (``CONNECTED``)
with the first valid one, and the agent begins to speak then. A phone that listens only, or waits to
be spoken to, gets a few silent packets, and all of them if its address is vouched for. See
:mod:`gateway.core.latch` for whom media is sent to.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from gateway.core.description import SessionDescription
from gateway.core.liveness import LISTENING_TURN, PeerWatch, Presence
from gateway.core.plain_agreement import (
    Destination,
    PlainAgreement,
    agree_plain,
    agree_to_answer,
)
from gateway.core.plain_negotiation import PlainLocal, plain_answer, plain_offer, plain_refresh
from gateway.core.playout import Playout
from gateway.core.rtp import RtpPacket
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.codecs import CODECS
from gateway.media.leg import LegEvent, LegHandler, LegState
from gateway.media.pacer import SILENCE
from gateway.media.rtp_leg_base import RtpLegBase
from gateway.media.rtp_path import RtpPath
from gateway.media.sdes_srtp import make_keys
from gateway.media.tasks import cancel_for_good

log = structlog.get_logger(__name__)

SILENT_AFTER: Final = 12
"""Turns of half a second until the leg is ``disconnected``: more than the 5 s after which a phone
that sends nothing in pauses sends RTCP.
"""

UNASKED_AFTER: Final = 2
"""Turns that an address which is vouched for has to send a packet before media goes there all the
same. A phone sends as soon as it is ready to hear; what comes earlier, it may miss.
"""

PROBES: Final = 10
"""Silent packets, one a turn, to a described address from which nothing came: some peers, media
proxies among them, send nothing until they hear something. It is less than the offer's own bytes
could have brought about by other means.
"""


@dataclass(frozen=True, slots=True)
class RtpConfig:
    """What all plain RTP legs of one gateway share.

    :ivar codecs: names, preferred first, that are offered to phones.
    """

    addresses: MediaAddresses
    codecs: tuple[str, ...] = tuple(CODECS)


class RtpLeg(RtpLegBase):
    """One phone's audio path, from its first offer or ours to its end.

    :param handler: told of audio, keys and state.
    :param playout: the audio owed to the caller; the session pushes, the leg takes frames.
    :param peer: the IP address that the signaling comes from; media is sent there unasked, and
        from the local address that leads there.
    :param trusted: the peer (a trunk, a user who proved to be one) may have media sent unasked to
        any address that its SDP names.
    """

    def __init__(
        self,
        config: RtpConfig,
        handler: LegHandler,
        playout: Playout,
        *,
        peer: str | None = None,
        trusted: bool = False,
    ) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._negotiating = asyncio.Lock()
        self._path = RtpPath(
            config.addresses,
            self._on_packet,
            self._on_rtcp,
            self._on_rejected,
            peer=peer,
            trusted=trusted,
        )
        self._local = PlainLocal(secrets.randbits(62), 0, "", 0, make_keys())
        self._said = ""
        self._agreement: PlainAgreement | None = None
        self._watch = PeerWatch(SILENT_AFTER)
        self._early = False
        super().__init__(
            handler,
            playout,
            secrets.randbits(32),
            secrets.token_hex(8),
            self._path.send_rtp,
            self._path.send_rtcp,
        )
        self._living: asyncio.Task[None] | None = None

    # -- signaling

    @property
    def held(self) -> bool:
        """Whether the peer does not want to hear us now: the agent waits, and the peer is not
        listened to either.
        """
        return self._agreement is not None and self._agreement.held

    async def answer(self, offer_text: str) -> str:
        """The SDP answer to an offer: the first one, hold, resume, another codec or address.

        :raises SdpError: the offer cannot be answered, or the leg has ended; an earlier agreement
            stays in force.
        :raises PortsExhausted: no pair of UDP ports is free.
        """
        offer = parse_sdp(offer_text)
        agreement = agree_plain(offer, tuple(CODECS))
        async with self._negotiating:
            await self._open(agreement.rtp)
            if self._path.changes_key(agreement):
                # Another receiver, maybe: it cannot know how often our sequence wrapped.
                self._local = replace(self._local, keys=make_keys())
            text = self._describe(lambda local: plain_answer(offer, agreement, local))
            self._take_up(agreement)
            return text

    async def offer(self, *, secure: bool = False) -> str:
        """An SDP offer: to call somebody, to answer an INVITE without an offer, or, in mid-call, to
        state anew what is in force.

        :param secure: with SDES and not otherwise, for who is called over TLS.
        :raises SdpError: the leg has ended.
        :raises PortsExhausted: no pair of UDP ports is free.
        """
        async with self._negotiating:
            await self._open(None)
            agreed = self._agreement

            def described(local: PlainLocal) -> SessionDescription:
                if agreed is not None:
                    return plain_refresh(local, agreed)
                return plain_offer(local, self._config.codecs, secure=secure)

            return self._describe(lambda local: described(local).format())

    async def accept_answer(self, answer_text: str, *, early: bool = False) -> None:
        """Take up the answer to what was said last: an offer, or an answer that was offered anew,
        word for word (RFC 4028 §7.4). A later one takes its place.

        :param early: it came before the call was accepted (183): the peer may be silent as long as
            it rings.
        :raises SdpError: it is no answer to that, or the leg has ended; an earlier agreement stays
            in force.
        """
        answer = parse_sdp(answer_text)
        async with self._negotiating:
            self._require_alive()
            if not self._said:
                raise SdpError("an answer to no offer")
            agreement = agree_to_answer(parse_sdp(self._said), answer, tuple(CODECS))
            self._early = early
            self._take_up(agreement)

    async def _open(self, destination: Destination | None) -> None:
        """Bind the ports, the first time."""
        self._require_alive()
        if not self._path.is_open:
            await self._path.open(destination)
            self._local = replace(self._local, address=self._path.address, port=self._path.port)
        self._require_alive()

    def _require_alive(self) -> None:
        if self._releasing is not None:
            raise SdpError("the call that this description is for has ended")

    def _describe(self, written: Callable[[PlainLocal], str]) -> str:
        """Our description, under a new version if it says anything new (RFC 3264 §8)."""
        said = written(self._local)
        if said != self._said:
            self._local = replace(self._local, version=self._local.version + 1)
            self._said = said = written(self._local)
        return said

    def _take_up(self, agreement: PlainAgreement) -> None:
        """Put an agreement in force."""
        self._agreement = agreement
        self._path.take_up(agreement, self._local)
        audio = agreement.audio
        self._use(replace(audio, receive=audio.receive and audio.send))
        self._watch = PeerWatch(SILENT_AFTER)
        if self._living is None:
            self._feed(LegEvent.OFFERED)
            self._rtp.start()
            self._living = asyncio.create_task(self._live(), name="rtp-leg")
        if self.held:
            self._pacer.pause()
            self._feed(LegEvent.HEARD)  # Its silence is excused from now on.
        self.wake()

    # -- life

    async def _live(self) -> None:
        """The leg's root task: listen for the peer, and say how it ended."""
        ended = LegEvent.CLOSED
        try:
            turns = 0
            while True:
                await asyncio.sleep(LISTENING_TURN)
                turns += 1
                if self._state is LegState.CONNECTING:
                    self._knock(turns)
                if self._turn() is Presence.GONE:
                    ended = LegEvent.LOST
                    return
        finally:
            self._end(ended)

    def _knock(self, turns: int) -> None:
        """Nothing came yet: speak all the same, or make the peer speak."""
        if self._path.target is not None:
            if turns >= UNASKED_AFTER and not self.held:
                self._feed(LegEvent.SECURED)
        elif turns <= PROBES:
            with self._path.probing():
                self._rtp.send(SILENCE, 0, turns == 1)

    def _turn(self) -> Presence:
        agreement = self._agreement
        if self._early or agreement is None or self.held or not agreement.audio.receive:
            return Presence.HEARD  # Nothing needs to come from it.
        presence = self._watch.turn(self._rtp.heard, said_bye=self._rtp.peer_left, restarting=False)
        if presence is Presence.SILENT and self._state is LegState.CONNECTED:
            log.info("nothing is heard of the phone")
            self._feed(LegEvent.SILENT)
        return presence

    async def _release(self) -> None:
        async with self._negotiating:
            pass  # An offer that is being answered finds out that it came too late.
        if self._living is not None:
            await cancel_for_good([self._living])
            if not self._living.cancelled() and (error := self._living.exception()) is not None:
                log.error("leg failed", exc_info=error)
        await self._path.close()

    # -- media

    def _on_packet(self, packet: RtpPacket) -> None:
        self._rtp.take(packet)
        self._heard()

    def _on_rtcp(self, data: bytes) -> None:
        self._rtp.receive_rtcp(data)
        self._heard()

    def _on_rejected(self) -> None:
        self._rtp.rejected += 1

    def _heard(self) -> None:
        if self._state is LegState.CONNECTING:
            self._feed(LegEvent.SECURED)
        elif self._state is LegState.DISCONNECTED:
            self._feed(LegEvent.HEARD)  # Now, not at the watch's next turn: the answer goes on.

    def wake(self) -> None:
        """Audio is owed: start sending it, if the leg was silent."""
        if self._state is LegState.CONNECTED and not self.held and not self._keys.busy:
            self._pacer.wake()

    # -- data channels, which phones have not

    @property
    def data_open(self) -> bool:
        """Never."""
        return False

    def send_data(self, message: str) -> None:
        """Dropped."""
