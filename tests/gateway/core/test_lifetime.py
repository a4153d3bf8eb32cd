import pytest

from gateway.core.ending import Ending
from gateway.core.lifetime import EndNotice, Lifetime, SessionLimits


@pytest.fixture
def lifetime() -> Lifetime:
    return Lifetime(SessionLimits(idle=300, duration=3600), 0.0)


def test_nobody_is_warned_in_the_middle(lifetime: Lifetime) -> None:
    assert lifetime.warning(269.9) is None
    assert lifetime.ended(299.9) is None


def test_the_idle_are_warned_and_then_it_is_over(lifetime: Lifetime) -> None:
    assert lifetime.warning(270.0) == EndNotice(Ending.IDLE, 30.0)
    assert lifetime.ended(300.0) is Ending.IDLE


def test_a_word_takes_the_warning_back(lifetime: Lifetime) -> None:
    assert lifetime.warning(280.0) is not None
    lifetime.touch(280.0)
    assert lifetime.warning(280.0) is None
    assert lifetime.ended(579.9) is None


def test_a_long_talk_is_warned_as_well(lifetime: Lifetime) -> None:
    lifetime.touch(3569.0)
    assert lifetime.warning(3569.0) is None
    assert lifetime.warning(3570.0) == EndNotice(Ending.TOO_LONG, 30.0)
    assert lifetime.ended(3600.0) is Ending.TOO_LONG


def test_short_limits_are_warned_of_for_a_tenth_of_them() -> None:
    lifetime = Lifetime(SessionLimits(idle=10, duration=60), 0.0)
    assert lifetime.warning(8.9) is None
    assert lifetime.warning(9.0) == EndNotice(Ending.IDLE, 1.0)
