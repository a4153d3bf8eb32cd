import pytest

from client.python.errors import ClientError


def test_an_error_is_a_sentence_and_a_code() -> None:
    with pytest.raises(ClientError, match=r"^all lines are busy \(capacity\)$") as caught:
        raise ClientError("capacity", "all lines are busy")
    assert (caught.value.code, caught.value.message) == ("capacity", "all lines are busy")
