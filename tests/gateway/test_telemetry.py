import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import socketio
import structlog

from gateway.telemetry import bind_session, configure_logging, redact, redact_text


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    structlog.get_logger("gateway.some").info("leg up", rtt_ms=12.5, name="Ann\nBob")

    (record,) = _records(capsys)
    assert str(record.pop("timestamp")).endswith("Z")
    assert record == {
        "event": "leg up",
        "level": "info",
        "logger": "gateway.some",
        "name": "Ann\nBob",
        "rtt_ms": 12.5,
    }


def test_standard_loggers_take_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    logging.getLogger("aiortc.rtcdtlstransport").warning("key %s", "sk-abcdef123456")

    (record,) = _records(capsys)
    assert record["event"] == "key [redacted]"
    assert record["logger"] == "aiortc.rtcdtlstransport"
    assert record["level"] == "warning"


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "json")
    log = structlog.get_logger("gateway.some")
    log.debug("no")
    log.info("no")
    log.warning("yes")
    logging.getLogger("gateway.other").info("no")
    assert [record["event"] for record in _records(capsys)] == ["yes"]


@pytest.mark.parametrize(
    "name",
    ["aioice.ice", "aiortc.rtcrtpsender", "aiohttp.access", "websockets.client", "asyncio"],
)
def test_chatty_libraries_stay_quiet_even_at_debug(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    configure_logging("debug", "json")
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("worth knowing")
    assert [record["event"] for record in _records(capsys)] == ["worth knowing"]


def test_socketio_adds_no_handler_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    socketio.AsyncServer(async_mode="aiohttp")

    for name in ("socketio.server", "engineio.server"):
        logging.getLogger(name).error("once")
    assert [record["event"] for record in _records(capsys)] == ["once", "once"]


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "console")
    configure_logging("error", "json")
    configure_logging("info", "json")
    structlog.get_logger("gateway.some").info("once")
    assert len(_records(capsys)) == 1


async def test_session_id_is_inherited_by_tasks_and_by_nobody_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", "json")
    log = structlog.get_logger("gateway.session")

    async def below() -> None:
        log.info("below")
        logging.getLogger("aiortc").warning("library")

    async def session(session_id: str) -> None:
        bind_session(session_id)
        await asyncio.create_task(below())

    await asyncio.gather(session("s1"), session("s2"))
    log.info("outside")

    seen = sorted((str(r["event"]), str(r.get("session"))) for r in _records(capsys))
    assert seen == [
        ("below", "s1"),
        ("below", "s2"),
        ("library", "s1"),
        ("library", "s2"),
        ("outside", "None"),
    ]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_is_printed_without_secrets_or_locals(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging("info", log_format)  # type: ignore[arg-type]
    password = "hunter2"
    try:
        raise RuntimeError("refused Bearer abc.def" + password[:0])
    except RuntimeError:
        structlog.get_logger("gateway.some").exception("failed")

    text = capsys.readouterr().err
    assert "RuntimeError: refused Bearer [redacted]" in text
    assert "test_telemetry.py" in text
    assert "abc.def" not in text
    assert "hunter2" not in text


def test_console_text_cannot_forge_a_line_or_drive_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", "console")
    structlog.get_logger("gateway.some").info("joined", user="eve\n12:00 [info] admin \x1b[2J\x9b")

    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "x0a12:00 [info] admin" in text


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "token",
        "resumeToken",
        "api_key",
        "openai-api-key",
        "client_secret",
        "password",
        "credential",
        "set-cookie",
    ],
)
def test_values_of_secret_keys_are_hidden_at_any_depth(key: str) -> None:
    event = redact(None, "info", {"event": "x", "data": [{"headers": {key: "hunter2"}}]})
    assert event["data"] == [{"headers": {key: "[redacted]"}}]
    assert redact(None, "info", {key: ["hunter2"]}) == {key: "[redacted]"}


def test_what_only_looks_like_a_secret_stays() -> None:
    event = {
        "event": "response done",
        "input_tokens": 12,
        "token_count": 3,
        "secret": None,
        "task": "task-12345678",
        "muted": True,
    }
    assert redact(None, "info", dict(event)) == event


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("with sk-proj-abcdef_123 in it", "with [redacted] in it"),
        ("key=ek_68af296e8e408191", "key=[redacted]"),
        ("openai-insecure-api-key.sk-abcdef1234", "openai-insecure-api-key.[redacted]"),
        ("Authorization: bearer a.b~c+/d==, x", "Authorization: bearer [redacted], x"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.dBjftJeZ4CVP end", "jwt [redacted] end"),
        ("redis://ann:hunter2@host:1/0", "redis://[redacted]@host:1/0"),
        ("GET /socket.io/?EIO=4&token=abc&x=1", "GET /socket.io/?EIO=4&token=[redacted]&x=1"),
        ("a=ice-pwd:by5GZGG1lw+040DWA6hXM5Bz\r\n", "a=ice-pwd:[redacted]\r\n"),
        ("a=crypto:1 AES inline:PS1uQCVeeCFCanVm|2^20", "a=crypto:1 AES inline:[redacted]"),
        ("a desk_chair at http://host/@x", "a desk_chair at http://host/@x"),
    ],
)
def test_secrets_inside_texts_are_hidden(text: str, clean: str) -> None:
    assert redact_text(text) == clean
    assert redact(None, "info", {"event": text}) == {"event": clean}


def test_objects_are_shown_as_their_redacted_repr() -> None:
    event = redact(None, "info", {"error": ValueError("key sk-abcdef1234")})
    assert event["error"] == "ValueError('key [redacted]')"


def test_a_record_has_a_bounded_size() -> None:
    nested: list[object] = []
    nested.append(nested)
    event = redact(None, "info", {"audio": bytes(960), "sdp": "v" * 1_000_000, "deep": nested})

    assert event["audio"] == "<960 bytes>"
    assert len(event["sdp"]) < 17_000
    assert event["sdp"].startswith("vvv")
    assert event["sdp"].endswith("vvv")
    assert str(event["deep"]).count("[") <= 8
