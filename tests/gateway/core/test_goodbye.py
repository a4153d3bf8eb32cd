from gateway.core.goodbye import GRACE, PATIENCE, Goodbye


def test_nobody_hangs_up_unasked() -> None:
    assert not Goodbye().due(0.0, quiet=True, caller_speaks=False)


def test_the_goodbye_is_heard_first() -> None:
    goodbye = Goodbye()
    goodbye.wish(0.0)
    assert not goodbye.due(0.1, quiet=True, caller_speaks=False)
    assert not goodbye.due(0.2, quiet=False, caller_speaks=False)
    assert not goodbye.due(3.0, quiet=True, caller_speaks=False)
    assert not goodbye.due(3.0 + GRACE / 2, quiet=True, caller_speaks=False)
    assert goodbye.due(3.1 + GRACE, quiet=True, caller_speaks=False)


def test_a_caller_who_goes_on_keeps_the_call() -> None:
    goodbye = Goodbye()
    goodbye.wish(0.0)
    assert not goodbye.due(1.0, quiet=False, caller_speaks=True)
    assert not goodbye.wished
    assert not goodbye.due(60.0, quiet=True, caller_speaks=False)


def test_a_goodbye_without_end_is_cut() -> None:
    goodbye = Goodbye()
    goodbye.wish(5.0)
    assert not goodbye.due(4.9 + PATIENCE, quiet=False, caller_speaks=False)
    assert goodbye.due(5.0 + PATIENCE, quiet=False, caller_speaks=False)
