"""A leg that is offered to a phone which may not answer."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from gateway.core.events import GatewayError
from gateway.core.playout import Playout
from gateway.media.leg import Leg, LegHandler, LegState
from gateway.media.rtp_leg import RtpLeg
from gateway.media.webrtc import WebRtcConfig
from gateway.session_offer import OfferLeg, Phone, leg_for, negotiate, take_answer, told_as_errors

log = structlog.get_logger(__name__)


class Proposal(LegHandler):
    """One phone that rings. Until it is adopted, a session hears nothing of what it brings:
    ringback and announcements are for people. :meth:`close` it, adopted or not.

    :param phone: who is called.
    :param handler: told of audio, keys and state from the moment of adoption.
    :param playout: the audio owed to whoever answers.
    """

    def __init__(
        self, phone: Phone, media: WebRtcConfig, handler: LegHandler, playout: Playout
    ) -> None:
        self._phone = phone
        self._handler = handler
        self._is_adopted = False
        self.leg: OfferLeg = leg_for("", phone, media, self, playout)

    async def offer(self) -> str:
        """Our offer. :raises GatewayError: ``negotiation_failed``, ``capacity``."""
        with told_as_errors():
            return await negotiate(self.leg, "", self._phone)

    async def ring(self, answer: str) -> None:
        """The phone has media before it is answered: open the path, so that nothing of what its
        owner says first is lost. What cannot be taken is not missed.
        """
        if isinstance(self.leg, RtpLeg) and not self._is_adopted:
            try:
                with told_as_errors():
                    await self.leg.accept_answer(answer, early=True)
            except GatewayError as error:
                log.info("early media not taken", reason=error.message)

    async def adopt(self, answer: str) -> None:
        """The phone was answered. :raises GatewayError: ``negotiation_failed``."""
        with told_as_errors():
            await take_answer(self.leg, answer)
        self._is_adopted = True

    async def close(self) -> None:
        """It was answered elsewhere, or by nobody. A leg that was adopted stays."""
        if not self._is_adopted:
            await self.leg.close()

    # -- what the leg tells

    def on_audio(self, pcm: bytes) -> None:
        if self._is_adopted:
            self._handler.on_audio(pcm)

    def on_dtmf(self, key: str) -> None:
        if self._is_adopted:
            self._handler.on_dtmf(key)

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        if self._is_adopted:
            self._handler.on_leg_state(leg, state)

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        if self._is_adopted:
            self._handler.on_played(item_ids, drained)

    def on_data_open(self, label: str) -> None:
        if self._is_adopted:
            self._handler.on_data_open(label)

    def on_data(self, label: str, message: str) -> None:
        if self._is_adopted:
            self._handler.on_data(label, message)
