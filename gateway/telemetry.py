"""Structured logging: one record a line on stderr, for people or machines, no secret in it.

structlog's records and those of the standard library's loggers (aiortc, aiohttp, websockets, …) go
through one handler and one redaction. A session binds its id once, in the task it starts from;
every task started below inherits it.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]

_HANDLER_NAME = "talkpath"
_REDACTED = "[redacted]"
_DEEPEST = 6
_LONGEST = 16_384

# Never below WARNING, whatever LOG_LEVEL says: at DEBUG they write every datagram and frame, and
# with them keys and what was said; aiohttp.access writes query strings. The four names with a dot
# need a level of their own: Socket.IO and Engine.IO add a stderr handler to a logger without one.
_LIBRARIES = (
    "aiohttp",
    "aioice",
    "aiortc",
    "asyncio",
    "engineio.client",
    "engineio.server",
    "httpx2",
    "mcp",
    "socketio.client",
    "socketio.server",
    "websockets",
)

_SECRET_KEY = re.compile(
    r"authorization|cookie|credential|passw|secret|api[_-]?key|token(?!s)", re.IGNORECASE
)
_SECRET_TEXTS = (
    # OpenAI's keys and the gateway's ephemeral ones.
    (re.compile(r"\b[se]k[-_][\w-]{6,}"), _REDACTED),
    (re.compile(r"\b(Bearer)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {_REDACTED}"),
    # A JSON Web Token, wherever it stands.
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), _REDACTED),
    # URLs: user information, and parameters named like a secret.
    (re.compile(r"://[^/\s@]+@"), f"://{_REDACTED}@"),
    (
        re.compile(r"([?&](?:[\w-]*token|[\w-]*key|[\w-]*secret|password)=)[^&\s]+", re.IGNORECASE),
        rf"\1{_REDACTED}",
    ),
    # SDP: ICE passwords and SDES keys.
    (re.compile(r"(ice-pwd:|inline:)\S+"), rf"\1{_REDACTED}"),
)
# All of C0 but the tab, DEL, and C1: a caller's text must not forge a line or drive a terminal.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), *range(127, 160))}


def configure_logging(level: LogLevel, log_format: LogFormat) -> None:
    """Send every record of `level` and above to stderr as `log_format`. May be called again.

    `console` is for people (coloured on a terminal), `json` is one object a line with `timestamp`
    in UTC.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    machine = log_format == "json"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso" if machine else "%H:%M:%S.%f", utc=machine),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            *([structlog.processors.JSONRenderer()] if machine else _console()),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER_NAME)
    handler.setFormatter(formatter)

    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(threshold)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))

    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def bind_session(session_id: str) -> None:
    """Put `session` into every record of this task and of the tasks it starts from now on."""
    structlog.contextvars.bind_contextvars(session=session_id)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog processor: `[redacted]` for values under secret-like keys and secrets inside texts.

    Bytes become their length, texts keep at most 16,384 characters of their two ends, and what is
    nested over six levels deep is left out.
    """
    return {key: _clean(value, key, _DEEPEST) for key, value in event.items()}


def redact_text(text: str) -> str:
    """`text` with keys, tokens, URL credentials and SDP secrets replaced by `[redacted]`."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _clean(value: object, key: object, depth: int) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(key, str) and _SECRET_KEY.search(key):
        return _REDACTED
    if isinstance(value, str):
        return redact_text(_shorten(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        if depth == 0:
            return "{…}"
        return {str(inner): _clean(item, inner, depth - 1) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, None, depth - 1) for item in value] if depth else "[…]"
    return redact_text(_shorten(repr(value)))


def _shorten(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    # Both ends: the last line of a traceback says most.
    half = _LONGEST // 2
    return f"{text[:half]}… {len(text) - _LONGEST} characters left out …{text[-half:]}"


def _console() -> list[Processor]:
    return [
        _escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: value.translate(_CONTROLS) if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }
