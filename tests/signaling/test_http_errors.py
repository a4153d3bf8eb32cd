"""Each failure has a status, and the shape that OpenAI's clients read."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.events import ErrorCode, GatewayError
from signaling.http_errors import Refused, conflict, errors, not_found

GONE = ErrorCode.UPSTREAM_UNAVAILABLE


async def answer_to(failure: Exception) -> web.Response:
    async def handler(request: web.Request) -> web.StreamResponse:
        raise failure

    answered = await errors(make_mocked_request("POST", "/v1/nothing"), handler)
    assert isinstance(answered, web.Response)
    return answered


@pytest.mark.parametrize(
    ("failure", "status", "kind", "code"),
    [
        (GatewayError(ErrorCode.BAD_REQUEST, "x"), 400, "invalid_request_error", "bad_request"),
        (GatewayError(ErrorCode.UNAUTHORIZED, "x"), 401, "invalid_request_error", "unauthorized"),
        (GatewayError(ErrorCode.RATE_LIMITED, "x"), 429, "invalid_request_error", "rate_limited"),
        (GatewayError(ErrorCode.CAPACITY, "x"), 503, "server_error", "capacity"),
        (GatewayError(GONE, "x"), 503, "server_error", "upstream_unavailable"),
        (not_found("x"), 404, "invalid_request_error", "not_found"),
        (conflict("x"), 409, "invalid_request_error", "conflict"),
        (web.HTTPNotFound(), 404, "invalid_request_error", "not_found"),
        (ZeroDivisionError("a detail"), 500, "server_error", "internal"),
    ],
)
async def test_a_failure_is_answered_as_json(
    failure: Exception, status: int, kind: str, code: str
) -> None:
    answered = await answer_to(failure)
    assert answered.status == status
    error = json.loads(answered.text or "")["error"]
    assert error.keys() == {"type", "code", "message", "param"}
    assert (error["type"], error["code"], error["param"]) == (kind, code, None)
    assert error["message"]
    assert "detail" not in error["message"]


async def test_a_refusal_brings_its_headers() -> None:
    headers = {"Accept-Patch": "a/b"}
    answered = await answer_to(Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "x", "y", headers))
    assert answered.headers["Accept-Patch"] == "a/b"
    for code in (ErrorCode.RATE_LIMITED, ErrorCode.CAPACITY, GONE):
        assert "Retry-After" in (await answer_to(GatewayError(code, "x"))).headers
