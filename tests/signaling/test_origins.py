import pytest

from signaling.origins import Origins


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "admitted"),
    [
        ([], None, "127.0.0.1:8000", True),
        ([], "http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ([], "https://talk.example", "talk.example", True),
        ([], "http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ([], "http://evil.example", "127.0.0.1:8000", False),
        (["http://localhost:3000"], "http://localhost:3000", "127.0.0.1:8000", True),
        (["http://localhost:3000"], "http://localhost:30001", "127.0.0.1:8000", False),
        (["*"], "http://anyone.example", None, True),
        ([], "null", "127.0.0.1:8000", False),
    ],
)
def test_pages_of_admitted_origins_pass(
    allowed: list[str], origin: str | None, host: str | None, admitted: bool
) -> None:
    assert Origins(allowed).admit(origin, host) is admitted
