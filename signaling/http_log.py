"""What aiohttp's server logs of its own: of strangers' bytes a line, without a traceback."""

from __future__ import annotations

import logging
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger(__name__)


class ServerLog(logging.LoggerAdapter[logging.Logger]):
    """The logger ``aiohttp.server``. Whoever sends no HTTP is no failure of the gateway's, and must
    not fill its log.
    """

    def __init__(self) -> None:
        super().__init__(logging.getLogger("aiohttp.server"))

    def exception(self, msg: object, *args: object, exc_info: Any = True, **fields: Any) -> None:
        if isinstance(exc_info, HttpProcessingError | web.RequestPayloadError):
            log.info("client does not speak HTTP", error=type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **fields)
