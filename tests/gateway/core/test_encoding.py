"""When the encoder of a call changes, and to what."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoding import (
    BITRATE,
    CALM_SECONDS,
    LOSSY_BITRATE,
    MIN_BITRATE,
    EncoderPolicy,
    EncoderSettings,
    ListenerWishes,
)

INTERVAL = 5.0
"""Seconds between two reports of a browser, and of speech in them."""
PACKETS = 250

CELT = EncoderSettings()
FEC = EncoderSettings(LOSSY_BITRATE, speech=True, fec=True, expected_loss=10, complexity=5)


def policy(**wishes: object) -> EncoderPolicy:
    made = EncoderPolicy()
    made.wishes = ListenerWishes(**{"fec": True, **wishes})  # type: ignore[arg-type]
    return made


def reported(
    of: EncoderPolicy, *losses: float, packets: int = PACKETS, start: float = 0.0
) -> float:
    """Give a report every interval; returns the time of the next."""
    now = start
    for loss in losses:
        of.on_report(loss, packets, now)
        now += INTERVAL
    return now


# -- loss ---------------------------------------------------------------------


def test_at_rest_it_is_celt_at_80_kb_and_as_cheap_as_can_be() -> None:
    assert policy().settings == CELT == EncoderSettings(80_000, speech=False, complexity=0)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([0.0, 0.02, 0.01, 0.02], CELT),
        ([0.025] * 50, CELT),
        ([0.04], FEC),
        ([0.0] * 20 + [0.05], FEC),
        ([0.0] * 20 + [0.033, 0.033], CELT),
        ([0.0] * 20 + [0.04, 0.04], FEC),
    ],
)
def test_over_three_percent_it_is_speech_with_fec(
    losses: list[float], expected: EncoderSettings
) -> None:
    subject = policy()
    reported(subject, *losses)
    assert subject.settings == expected


def test_a_report_of_five_packets_changes_nothing() -> None:
    subject = policy()
    subject.on_report(1.0, 5, 0.0)
    assert subject.settings == CELT
    reported(subject, *[0.0] * 3)
    subject.on_report(1.0, 5, 20.0)
    assert subject.settings == CELT


def test_short_turns_add_up() -> None:
    subject = policy()
    reported(subject, *[0.1] * 2, packets=50)
    assert subject.settings.fec


@pytest.mark.parametrize(("loss", "percent"), [(0.04, 10), (0.1, 10), (0.18, 18), (0.9, 25)])
def test_fec_is_dimensioned_for_what_gets_lost(loss: float, percent: int) -> None:
    subject = policy()
    reported(subject, *[loss] * 5)
    assert subject.settings.expected_loss == percent


def test_it_goes_back_after_fifteen_calm_seconds() -> None:
    subject = policy()
    now = reported(subject, 0.1, 0.1)
    while subject.loss >= 0.01:
        now = reported(subject, 0.0, start=now)
    calm_since = now - INTERVAL
    while subject.settings.fec:
        now = reported(subject, 0.005, start=now)
        assert now < 60
    assert now - INTERVAL - calm_since == CALM_SECONDS


def test_a_relapse_begins_the_wait_anew() -> None:
    subject = policy()
    now = reported(subject, 0.1, *[0.0] * 3)
    assert subject.loss < 0.01
    now = reported(subject, 0.02, 0.02, start=now)
    reported(subject, 0.0, 0.0, start=now)
    assert subject.settings.fec


def test_between_the_marks_it_stays_as_it_is() -> None:
    lossy, clean = policy(), policy()
    reported(lossy, 0.1)
    for subject in (lossy, clean):
        reported(subject, *[0.02] * 60, start=INTERVAL)
    assert (lossy.settings.fec, clean.settings.fec) == (True, False)


def test_reports_that_cover_nothing_teach_nothing() -> None:
    subject = policy()
    reported(subject, 0.1)
    reported(subject, *[0.0] * 100, packets=0, start=INTERVAL)
    assert subject.settings.fec


@pytest.mark.parametrize("loss", [0.05, 0.10, 0.20])
def test_random_loss_never_makes_it_waver(loss: float) -> None:
    rng = random.Random(1)
    subject, changes, before = policy(), 0, CELT.fec
    for number in range(720):
        lost = sum(rng.random() < loss for _ in range(PACKETS))
        subject.on_report(lost / PACKETS, PACKETS, number * INTERVAL)
        changes += subject.settings.fec != before
        before = subject.settings.fec
    assert (changes, before) == (1, True)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(-5, 2**32), st.floats(0, 100))))
def test_no_report_makes_senseless_settings(reports: list[tuple[float, int, float]]) -> None:
    subject, now = policy(), 0.0
    for loss, packets, pause in reports:
        now += pause
        subject.on_report(loss, packets, now)
        assert 0 <= subject.loss <= 1
        assert subject.settings.expected_loss in (0, *range(10, 26))


# -- wishes -------------------------------------------------------------------


def test_no_fec_for_a_listener_that_cannot_use_it() -> None:
    subject = policy(fec=False)
    reported(subject, 0.2, 0.2)
    assert subject.settings == CELT
    subject.wishes = ListenerWishes(fec=True)
    assert subject.settings.fec, "what is known of the path stays"


@pytest.mark.parametrize(
    ("most", "clean", "lossy"),
    [
        (510_000, (80_000, False), (40_000, True)),
        (64_000, (64_000, False), (40_000, True)),
        (63_000, (63_000, True), (40_000, True)),
        (16_000, (16_000, True), (16_000, True)),
    ],
)
def test_no_more_than_the_listener_likes(
    most: int, clean: tuple[int, bool], lossy: tuple[int, bool]
) -> None:
    subject = policy(max_bitrate=most)
    assert (subject.settings.bitrate, subject.settings.speech) == clean
    assert subject.settings.complexity == (5 if subject.settings.speech else 0)
    reported(subject, 0.1)
    assert (subject.settings.bitrate, subject.settings.speech) == lossy


def test_wishes_are_read_from_fmtp() -> None:
    parameters = {
        "maxaveragebitrate": "24000",
        "useinbandfec": "1",
        "cbr": "1",
        "maxplaybackrate": "16000",
        "stereo": "1",
    }
    assert ListenerWishes.read(parameters) == ListenerWishes(24_000, True, True, 16_000)
    assert ListenerWishes.read({}) == ListenerWishes()
    assert ListenerWishes.read({"maxaveragebitrate": "1"}).max_bitrate == MIN_BITRATE


@pytest.mark.parametrize("text", ["999999999", "no number", "-5", "", "\u0664"])
def test_a_senseless_wish_counts_as_none(text: str) -> None:
    names = ("maxaveragebitrate", "useinbandfec", "cbr", "maxplaybackrate")
    assert ListenerWishes.read(dict.fromkeys(names, text)) == ListenerWishes()


def test_wishes_reach_the_settings() -> None:
    subject = policy(constant_bitrate=True, playback_rate=16_000)
    assert subject.settings == EncoderSettings(BITRATE, constant_bitrate=True, playback_rate=16_000)
