"""A stranger's bytes are a line of the log; a failure of ours is a traceback in it."""

from __future__ import annotations

import pytest
import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from signaling.http_log import ServerLog


@pytest.mark.parametrize("error", [BadHttpMessage("?"), web.RequestPayloadError("?")])
def test_no_traceback_of_what_a_stranger_sent(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as logged:
        ServerLog().exception("Error handling request from %s", "::1", exc_info=error)
    assert [(entry["log_level"], entry["error"]) for entry in logged] == [
        ("info", type(error).__name__)
    ]
    assert caplog.records == []


def test_other_failures_are_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    ServerLog().exception("Error handling request from %s", "::1", exc_info=ValueError("oh"))
    (record,) = caplog.records
    assert record.getMessage() == "Error handling request from ::1"
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
