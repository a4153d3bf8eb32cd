"""How a request that fails is answered: with JSON, as OpenAI's clients read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import structlog
from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.NEGOTIATION_FAILED: HTTPStatus.BAD_REQUEST,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.CAPACITY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.UPSTREAM_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.NO_SESSION: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
}

_HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},  # RFC 9110 §11.6.1
}


class Refused(Exception):
    """A failure that only HTTP has a word for, such as a resource that is not there.

    :ivar code: for programs, as ``not_found``.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


def not_found(message: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "not_found", message)


def conflict(message: str) -> Refused:
    return Refused(HTTPStatus.CONFLICT, "conflict", message)


def error_response(error: GatewayError) -> web.Response:
    """A failure with the HTTP status that fits it."""
    status = _STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    return error_body(status, error.code.value, error.message, _HEADERS.get(status, {}))


def error_body(status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
    """``{error: {type, code, message, param}}``, as OpenAI's clients read it."""
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    body = {"type": kind, "code": code, "message": message, "param": None}
    return web.json_response({"error": body}, status=status, headers=headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware that answers every failure as JSON, those of aiohttp's router too."""
    try:
        return await handler(request)
    except GatewayError as error:
        return error_response(error)
    except Refused as refused:
        return error_body(refused.status, refused.code, str(refused), refused.headers)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        phrase = HTTPStatus(error.status).phrase
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        message = f"{request.method} {request.path[:256]}: {phrase.lower()}"
        return error_body(error.status, phrase.lower().replace(" ", "_"), message, allow)
    except (web.RequestPayloadError, ConnectionResetError) as error:
        # Compressed or chunked otherwise than it says, or its client left in the middle of it.
        log.info("request did not arrive whole", error=type(error).__name__)
        return error_response(GatewayError(ErrorCode.BAD_REQUEST, "the body did not arrive whole"))
    except Exception:  # the root of one request
        log.exception("request failed", path=request.path)
        return error_response(GatewayError(ErrorCode.INTERNAL, "the gateway failed to answer"))
