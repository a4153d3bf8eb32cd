"""What a refusal says."""

import pytest
from sipmessage import Headers

from signaling.sip.failure import CANCELLED, NOBODY, UNREACHED, Failure, failure_of
from signaling.sip.message import Response


@pytest.mark.parametrize(
    ("code", "retry_after", "said"),
    [
        (486, "", Failure(486, "busy here")),
        (503, "120 (maintenance)", Failure(503, "service unavailable", 120)),
        (503, "soon", Failure(503, "service unavailable")),
        (503, "999999", Failure(503, "service unavailable", 86_400)),
        (302, "", Failure(302, "redirected, which is not followed")),
        (499, "", Failure(499, "refused")),
    ],
)
def test_what_a_refusal_says(code: int, retry_after: str, said: Failure) -> None:
    headers = Headers()
    if retry_after:
        headers.add("Retry-After", retry_after)
    assert failure_of(Response(code, headers, "", "INVITE")) == said


def test_of_several_failures_the_one_that_says_most_is_first() -> None:
    busy, declined = Failure(486, "busy here"), Failure(603, "decline")
    some = [UNREACHED, NOBODY, CANCELLED, busy, declined]
    assert sorted(some, key=lambda each: each.rank)[:2] == [declined, busy]
