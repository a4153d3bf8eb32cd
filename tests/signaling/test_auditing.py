"""What a gateway's audit log tells of the calls of one gateway, door by door."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.audit.command import main
from gateway.config import SettingsError
from signaling.app import Gateway
from signaling.auditing import door_of
from tests.gateways import loopback_settings, running_gateway
from tests.signaling.callers import Caller, until
from tests.stand_in import StandIn


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/socket.io/?x", "socketio"),
        ("/v1/realtime", "realtime"),
        ("/v1/realtime/client_secrets", "http"),
        ("/v1/realtime/calls/rtc_1/hangup", "calls"),
        ("/api/recordings", "http"),
    ],
)
def test_doors_have_names(path: str, door: str) -> None:
    assert door_of(path) == door


def test_every_action_is_in_the_table() -> None:
    """Those that are written out in the code; ``call.{action}`` is in it as four."""
    root = Path(__file__).parents[2]
    code = "".join(
        path.read_text()
        for room in ("gateway", "signaling")
        for path in (root / room).rglob("*.py")
    )
    noted = set(re.findall(r'(?:note|happened)\(\s*"([a-z]+\.[a-z]+)"', code))
    page = (root / "docs" / "audit.md").read_text()
    assert len(noted) > 10
    assert noted <= set(re.findall(r"`([a-z]+\.[a-z]+)`", page))


async def test_who_did_what_is_in_the_log(tmp_path: Path) -> None:
    path, kept = tmp_path / "audit.jsonl", tmp_path / "kept"
    async with (
        StandIn() as model,
        running_gateway(model.url, audit_log=path, record_dir=kept) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        async with Caller(gateway.url) as caller:
            joined = (await caller.ask("join_session", {"userId": "ann"}))["sessionId"]
            await caller.ask("disconnect_session")
        async with http.post("/v1/realtime/client_secrets", json={}) as answer:
            secret = (await answer.json())["value"]
        async with http.ws_connect("/v1/realtime", headers={"Authorization": f"Bearer {secret}"}):
            pass
        await until(lambda: not gateway.sessions)
        recording = f"/api/recordings/{joined}"
        await until(lambda: gateway.recorder is not None and not gateway.recorder.records(joined))
        while (await http.get(f"{recording}/recording.json")).status != 200:
            pass
        while (await http.delete(recording)).status != 204:
            pass
    entries = told(path)
    done = [(e["action"], e["door"]) for e in entries if e["actor"] == "127.0.0.1"]
    assert list(dict.fromkeys(done)) == [
        ("session.opened", "socketio"),
        ("session.ended", "socketio"),
        ("key.minted", "http"),
        ("session.opened", "realtime"),
        ("session.ended", "realtime"),
        ("recording.read", "http"),
        ("recording.delete", "http"),
    ]
    assert [e["action"] for e in entries if e["session"] == joined][:2] == [
        *("session.opened", "session.ended")
    ]
    ended = next(e for e in entries if e["action"] == "session.ended")
    assert ended["facts"]["reason"] == "the client left"
    assert not re.search(r"ek_|ann", path.read_text())
    assert main(["verify", str(path)]) == 0


async def test_while_the_log_cannot_be_written_no_session_begins(tmp_path: Path) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, audit_log=tmp_path / "audit.jsonl") as gateway,
        Caller(gateway.url) as caller,
    ):
        assert gateway.audit is not None
        gateway.audit._max_queued = 0
        answer = await caller.ask("join_session", {})
        assert answer["error"]["code"] == "capacity"
        assert not gateway.sessions


async def test_a_place_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    foreign = tmp_path / "x"
    foreign.write_text("hello\n")
    for path in (foreign, tmp_path / "x" / "audit.jsonl"):
        gateway = Gateway(loopback_settings("ws://127.0.0.1:1", audit_log=path))
        try:
            with pytest.raises(SettingsError, match=f"AUDIT_LOG={path}: "):
                await gateway.start()
        finally:
            await gateway.stop()
