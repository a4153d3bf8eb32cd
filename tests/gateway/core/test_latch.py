from __future__ import annotations

import itertools

import pytest

from gateway.core.latch import MAX_STEP, TAKE_OVER_SILENCE, WINDOW, Latch, Source
from gateway.core.rtp import RtpPacket

DESCRIBED, SAME_HOST = ("192.0.2.1", 4000), ("192.0.2.1", 9)
NATTED, OTHER_NATTED = ("198.51.100.7", 6000), ("198.51.100.7", 6001)
STRANGER = ("203.0.113.66", 4000)


class Talker:
    """A source of packets, 20 ms apart."""

    def __init__(self, latch: Latch, source: Source, ssrc: int = 1, first: int = 65_500) -> None:
        self.latch, self.source, self.ssrc = latch, source, ssrc
        self.sequence = itertools.count(first)

    def send(self, now: float, count: int = 1) -> list[bool]:
        return [
            self.latch.hear(
                RtpPacket(0, False, next(self.sequence) & 0xFFFF, 0, self.ssrc, b"x"),
                self.source,
                now + 0.02 * n,
            )
            for n in range(count)
        ]


def latch(peer: str | None = None, *, trusted: bool = False) -> Latch:
    made = Latch(peer, trusted=trusted)
    made.describe(DESCRIBED, 0.0)
    return made


def test_nothing_is_sent_to_an_address_that_nobody_vouches_for() -> None:
    unproven = latch()
    assert (unproven.target, unproven.described) == (None, DESCRIBED)
    assert latch(peer="198.51.100.7").target is None
    assert latch(peer=DESCRIBED[0]).target == DESCRIBED
    assert latch(trusted=True).target == DESCRIBED
    unproven.vouch()
    assert unproven.target == DESCRIBED
    unproven.describe(STRANGER, 1.0)
    assert unproven.target is None, "what was vouched for was the other address"


def test_the_first_source_is_latched_to_and_no_other_is_heard() -> None:
    made = latch()
    assert Talker(made, NATTED).send(10.0) == [True]
    assert made.target == made.source == NATTED
    assert Talker(made, STRANGER, ssrc=2).send(10.1, 50) == [False] * 50
    assert Talker(made, DESCRIBED, ssrc=2).send(10.1, 50) == [False] * 50
    assert made.target == NATTED


@pytest.mark.parametrize(
    ("first", "then", "moves"),
    [
        (STRANGER, DESCRIBED, True),
        (STRANGER, SAME_HOST, True),
        (STRANGER, NATTED, True),
        (SAME_HOST, DESCRIBED, True),
        (DESCRIBED, SAME_HOST, False),
        (NATTED, STRANGER, False),
        (NATTED, OTHER_NATTED, False),
    ],
)
def test_while_the_window_is_open_a_likelier_source_wins(
    first: Source, then: Source, moves: bool
) -> None:
    made = latch(peer=NATTED[0])
    Talker(made, first).send(0.1)
    assert Talker(made, then, ssrc=2).send(0.2) == [moves]
    assert made.source == (then if moves else first)

    made = latch(peer=NATTED[0])
    Talker(made, first).send(0.1)
    assert Talker(made, then, ssrc=2).send(WINDOW + 0.1) == [False]


def test_a_nat_may_give_the_phone_another_port_in_mid_call() -> None:
    made = latch()
    talker = Talker(made, NATTED)
    talker.send(10.0, 60)
    talker.source = OTHER_NATTED
    start = 11.2 + TAKE_OVER_SILENCE
    assert talker.send(start, 4) == [False, False, True, True]
    assert made.source == OTHER_NATTED


def test_a_stranger_does_not_take_over() -> None:
    made = latch()
    talker = Talker(made, NATTED, first=1000)
    talker.send(10.0, 10)
    # It knows the SSRC, but the phone still speaks.
    assert not any(Talker(made, STRANGER, first=1010).send(10.2, 20))
    later = 11.0
    assert not any(Talker(made, STRANGER, ssrc=2, first=1010).send(later, 20)), "another SSRC"
    assert not any(Talker(made, STRANGER, first=900).send(later, 20)), "the past"
    far = 1009 + MAX_STEP
    assert not any(Talker(made, STRANGER, first=far).send(later, 20)), "far ahead"
    # What the phone says in between counts against the rival.
    rival = Talker(made, STRANGER, first=1010)
    for turn in range(5):
        assert not any(rival.send(later + turn, 2))
        talker.send(later + turn + 0.1)
    assert made.source == NATTED


def test_another_address_in_sdp_makes_the_source_so_far_the_last_choice() -> None:
    made = latch(peer=DESCRIBED[0])
    before = Talker(made, DESCRIBED)
    before.send(0.1)
    made.describe(SAME_HOST, 20.0)
    assert made.target == SAME_HOST, "vouched for by its host"
    assert before.send(20.1) == [True], "what is on its way is still heard"
    assert made.target == SAME_HOST
    assert Talker(made, NATTED, ssrc=2).send(20.2) == [True]
    assert made.target == NATTED
    assert before.send(20.3) == [False]


def test_an_address_that_is_not_vouched_for_waits_for_its_first_packet() -> None:
    made = latch()
    Talker(made, DESCRIBED).send(0.1)
    made.describe(STRANGER, 20.0)
    assert made.target == DESCRIBED
    Talker(made, STRANGER, ssrc=2).send(20.1)
    assert made.target == STRANGER


def test_the_same_description_again_opens_nothing_but_the_window() -> None:
    made = latch()
    Talker(made, NATTED).send(0.1)
    for described in (DESCRIBED, None, DESCRIBED):  # Refreshed; held in the old way; resumed.
        made.describe(described, 20.0)
        assert made.target == NATTED
        assert Talker(made, STRANGER, ssrc=2).send(20.1) == [False]
    # After a long hold the NAT may have forgotten the phone, and the phone its SSRC.
    assert Talker(made, OTHER_NATTED, ssrc=2).send(21.0, 3) == [False, False, True]


def test_the_key_decides_where_there_is_one() -> None:
    made = latch()
    packet = RtpPacket(0, False, 1, 0, 1, b"x")
    for source in (NATTED, STRANGER, DESCRIBED):
        assert made.hear(packet, source, 100.0, authenticated=True)
        assert made.target == source
