from client.python.bench.errors import BenchError


def test_an_error_is_its_sentence() -> None:
    assert str(BenchError("no media path")) == "no media path"
