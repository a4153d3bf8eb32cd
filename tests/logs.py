"""The log as machines read it, of what runs in the block."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import structlog

from gateway.telemetry import LogLevel, configure_logging


class JsonLog:
    """Lines as they were written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Each line; fails on one that is no JSON object."""
        records = [json.loads(line) for line in self.text.splitlines()]
        assert all(isinstance(record, dict) for record in records)
        return records


@contextlib.contextmanager
def json_log(level: LogLevel = "info") -> Iterator[JsonLog]:
    """``LOG_FORMAT=json``, and everything as it was afterwards."""
    root = logging.getLogger()
    handlers, threshold = root.handlers[:], root.level
    log = JsonLog()
    try:
        with contextlib.redirect_stderr(log.stream):
            configure_logging(level, "json")
            yield log
    finally:
        root.handlers[:], root.level = handlers, threshold
        structlog.reset_defaults()
