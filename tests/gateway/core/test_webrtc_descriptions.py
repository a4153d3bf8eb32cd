from __future__ import annotations

import pytest

from gateway.core.agreement import agree
from gateway.core.sdp import SdpError, parse_sdp
from gateway.core.webrtc_descriptions import Descriptions
from tests.gateway.core.test_negotiation import HOST_V4, HOST_V6, local

CODECS = ("opus", "g722", "pcmu", "pcma")


class Peer:
    """One end, which takes up what the other says."""

    def __init__(self) -> None:
        self.descriptions = Descriptions(local(HOST_V4))

    def answer(self, text: str) -> str:
        offer = parse_sdp(text)
        self.descriptions.put_in_force(agree(offer, CODECS, telephone_event=True))
        return self.descriptions.answer(offer)

    def offer(self) -> str:
        return self.descriptions.offer(CODECS)

    def accept(self, text: str) -> None:
        descriptions = self.descriptions
        descriptions.put_in_force(descriptions.settle(parse_sdp(text), CODECS))


def version(text: str) -> int:
    return parse_sdp(text).version


def test_one_offers_again_and_the_other_does() -> None:
    ours, theirs = Peer(), Peer()
    first = ours.offer()
    assert "a=setup:actpass" in first
    answer = theirs.answer(first)
    assert "a=setup:active" in answer
    ours.accept(answer)
    assert ours.descriptions.offered_first
    refresh = ours.offer()
    assert version(refresh) == version(first) + 1, "of the codecs only one is left"
    assert ours.offer() == refresh, "the same again, under the same version"
    ours.accept(theirs.answer(refresh))
    assert ours.offer() == refresh

    offer = theirs.offer()
    assert "a=setup:actpass" in offer
    answer = ours.answer(offer)
    assert "a=setup:passive" in answer, "the roles stay"
    theirs.accept(answer)
    assert not theirs.descriptions.offered_first
    assert version(ours.offer()) == version(refresh) + 2


def test_an_answer_wants_an_offer_that_is_out() -> None:
    ours, theirs = Peer(), Peer()
    answer = theirs.answer(Peer().offer())
    with pytest.raises(SdpError, match="no offer"):
        ours.accept(answer)
    ours.offer()
    ours.accept(answer)
    ours.accept(answer)  # A copy: 183 and 200, for one.


def test_an_answer_may_be_offered_anew() -> None:
    """Word for word, as a session timer wants it (RFC 4028 §7.4)."""
    ours, theirs = Peer(), Peer()
    said = ours.answer(theirs.offer())
    theirs.accept(said)
    ours.accept(theirs.answer(said))
    assert not ours.descriptions.offered_first


def test_a_new_ice_generation_is_said() -> None:
    ours = Peer()
    ours.descriptions.use_path(("fresh", "w" * 22), (HOST_V6,))
    (audio,) = parse_sdp(ours.offer()).media
    assert (audio.ice_ufrag, audio.candidates) == ("fresh", (HOST_V6,))
