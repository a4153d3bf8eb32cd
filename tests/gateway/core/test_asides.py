from gateway.core.asides import MAX_RUNNING, Asides


def test_only_what_was_asked_for_is_an_aside() -> None:
    asides = Asides()
    assert not asides.created("resp_1", None), "some servers tell of no conversation"
    asides.expect()
    assert not asides.created("resp_2", "conv_1")
    assert asides.created("resp_3", None)
    assert not asides.created("resp_4", None)
    assert asides.holds("resp_3")
    assert not asides.over("resp_2")
    assert asides.over("resp_3")
    assert not asides.holds("resp_3")


def test_a_lost_connection_ends_them_all() -> None:
    asides = Asides()
    asides.expect()
    asides.expect()
    asides.created("resp_1", None)
    asides.reset()
    assert not asides.holds("resp_1")
    assert not asides.created("resp_2", None)


def test_they_are_bounded() -> None:
    asides = Asides()
    for number in range(MAX_RUNNING + 1):
        asides.expect()
        asides.created(f"resp_{number}", None)
    assert not asides.holds("resp_0")
    assert asides.holds("resp_1")
