"""``multipart/form-data`` bodies (RFC 7578): small, of few parts, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.core.events import ErrorCode, GatewayError
from signaling.bodies import BODY_TIMEOUT


async def read_parts(request: web.Request, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The parts by name, with a file's name or without.

    :param limits: bytes that each part may have; there are no others.
    :raises GatewayError: ``bad_request`` or ``too_large``.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _read(request, limits)
    except TimeoutError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the body did not arrive in time") from None
    except (ValueError, AssertionError, KeyError, RuntimeError, HttpProcessingError):
        # What aiohttp makes of a body that is not what its header says.
        raise GatewayError(ErrorCode.BAD_REQUEST, "the body is not multipart/form-data") from None


async def _read(request: web.Request, limits: Mapping[str, int]) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        name = part.name if isinstance(part, BodyPartReader) else None
        if name is None or name not in limits or name in parts:
            expected = " and ".join(limits)
            raise GatewayError(ErrorCode.BAD_REQUEST, f"expected the parts {expected}, once each")
        assert isinstance(part, BodyPartReader)
        body = bytearray()
        while chunk := await part.read_chunk():
            body += chunk
            if len(body) > limits[name]:
                raise GatewayError(ErrorCode.TOO_LARGE, f"the part {name} is too large")
        parts[name] = bytes(body)
    return parts
