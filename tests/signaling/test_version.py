import re

from signaling.version import VERSION, installed


def test_it_is_that_of_the_package() -> None:
    assert installed() == VERSION
    assert re.match(r"\d+(\.|\+source)", VERSION)
