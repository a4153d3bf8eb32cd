import dataclasses
import typing

import pytest

from gateway.core import events
from gateway.core.events import ErrorCode, GatewayError

CONTRACT = {
    "bad_request",
    "no_session",
    "unauthorized",
    "capacity",
    "rate_limited",
    "too_large",
    "unsupported_format",
    "negotiation_failed",
    "upstream_unavailable",
    "upstream_error",
    "session_expired",
    "internal",
}


def test_the_error_codes_are_those_of_the_contract() -> None:
    assert {code.value for code in ErrorCode} == CONTRACT


def test_an_error_keeps_its_code_and_its_sentence() -> None:
    error = GatewayError(ErrorCode.TOO_LARGE, "the SDP is too large")
    assert (error.code, error.message, str(error)) == (
        ErrorCode.TOO_LARGE,
        "the SDP is too large",
        "the SDP is too large",
    )


@pytest.mark.parametrize("kind", typing.get_args(events.SessionEvent), ids=lambda k: k.__name__)
def test_what_crosses_a_boundary_cannot_be_changed_behind_it(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
