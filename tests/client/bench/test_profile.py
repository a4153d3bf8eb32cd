import pytest

from client.python.bench.profile import Profile, parse_profile


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("rest", Profile("rest")),
        ("one-lost", Profile("one-lost", one_lost=True)),
        ("loss=10", Profile("loss=10", loss=0.1)),
        ("loss=5,burst=3", Profile("loss=5,burst=3", loss=0.05, burst=3.0)),
        (
            "jitter=30,loss=5,reorder=2",
            Profile("jitter=30,loss=5,reorder=2", loss=0.05, jitter_ms=30.0, reorder=0.02),
        ),
    ],
)
def test_a_profile_is_told_in_words(text: str, profile: Profile) -> None:
    assert parse_profile(text) == profile


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is none of"),
        ("delay=3", "is none of"),
        ("loss", "is not a number"),
        ("loss=much", "is not a number"),
        ("loss=-1", "out of range"),
        ("jitter=inf", "out of range"),
        ("loss=100", "under 100"),
        ("reorder=101", "not exceed"),
        ("loss=50,burst=1.5", "longer than 1.5"),
    ],
)
def test_what_is_no_profile_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_profile(text)


def test_an_encoder_is_told_whole_percents() -> None:
    assert parse_profile("loss=4.6").loss_percent == 5
