import pytest

from gateway.agents.call_control import CallControl, NotPossible


async def test_a_call_of_no_kind_says_what_it_cannot() -> None:
    call = CallControl()
    with pytest.raises(NotPossible, match="hanging up is not possible on this kind of call"):
        call.hang_up("done")
    with pytest.raises(NotPossible, match="a transfer is not possible on this kind of call"):
        await call.transfer("sip:desk@example.com")
    with pytest.raises(NotPossible, match="pressing keys is not possible on this kind of call"):
        await call.send_dtmf("1")
