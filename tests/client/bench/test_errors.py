import pytest

from client.python.bench.errors import BenchError, Refused


def test_an_error_is_its_sentence() -> None:
    assert str(BenchError("no media path")) == "no media path"


@pytest.mark.parametrize(
    ("code", "fault"), [("400", False), ("bad_request", False), ("500", True), ("internal", True)]
)
def test_a_refusal_is_no_failure_of_the_gateway(code: str, fault: bool) -> None:
    assert Refused(code, "no").is_its_own_fault == fault
