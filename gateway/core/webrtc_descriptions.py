"""What one side of a peer connection has said and agreed on: versions, roles, offers unanswered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from gateway.core.agreement import Agreement, DtlsRole
from gateway.core.candidate import IceCandidate
from gateway.core.description import SessionDescription
from gateway.core.negotiation import LocalDescription, answer
from gateway.core.sdp_grammar import SdpError
from gateway.core.webrtc_offer import agree_to_webrtc_answer, webrtc_offer, webrtc_reoffer

_SETUP: Final[Mapping[DtlsRole, Literal["active", "passive"]]] = {
    "client": "active",
    "server": "passive",
}
_ROLE: Final[Mapping[str, DtlsRole]] = {"active": "client", "passive": "server"}


class Descriptions:
    """Offers and answers of one session, in their order.

    :param local: our side, its version the last one used.
    """

    def __init__(self, local: LocalDescription) -> None:
        self._local = local
        self._said: SessionDescription | None = None
        self.agreement: Agreement | None = None
        """In force."""
        self.offered_first = False
        """The session was begun by an offer of ours, and so ICE is ours to control (RFC 8445
        §6.1.1)."""

    def use_path(self, credentials: tuple[str, str], candidates: tuple[IceCandidate, ...]) -> None:
        """Describe this ICE generation from now on."""
        ufrag, password = credentials
        self._local = replace(self._local, ice_ufrag=ufrag, ice_pwd=password, candidates=candidates)

    def put_in_force(self, agreement: Agreement) -> None:
        """The first one settles the DTLS role, which stays what it was (RFC 8842 §5.5)."""
        setup = self._local.setup or _SETUP[agreement.dtls_role]
        self._local = replace(self._local, setup=setup)
        self.agreement = agreement

    def answer(self, offer: SessionDescription) -> str:
        """The answer to an offer whose agreement is in force."""
        assert self.agreement is not None
        self._advance()
        self._said = answer(offer, self.agreement, self._local)
        return self._said.format()

    def offer(self, codecs: Sequence[str]) -> str:
        """The first offer; in a call, one of what is in force, and under the same version if there
        is nothing else to say than the last time (RFC 3264 §8).
        """
        if self.agreement is None or self._said is None:
            ours = webrtc_offer(self._local, codecs)
        else:
            ours = webrtc_reoffer(self._said, self.agreement, self._local)
        if ours != self._said:
            self._advance()
            ours = replace(ours, version=self._local.version)
        self._said = ours
        return ours.format()

    def settle(self, theirs: SessionDescription, codecs: Sequence[str]) -> Agreement:
        """What the answer to what we said last settles: to an offer, or to an answer that was
        offered anew, word for word (RFC 4028 §7.4). It is not in force yet.

        :raises SdpError: it is no answer to that.
        """
        if self._said is None:
            raise SdpError("an answer to no offer")
        previous = self.agreement
        if previous is not None and self._local.setup is not None:
            previous = replace(previous, dtls_role=_ROLE[self._local.setup])
        agreement = agree_to_webrtc_answer(self._said, theirs, codecs, previous)
        self.offered_first |= previous is None
        return agreement

    def _advance(self) -> None:
        self._local = replace(self._local, version=self._local.version + 1)
