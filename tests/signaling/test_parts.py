"""What the settings make of a gateway's parts, and what they cannot make."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import SettingsError
from gateway.core.control import Right
from gateway.core.ending import Ending
from gateway.json_settings import IceServer
from gateway.recording.recorder import RecordSettings
from gateway.sessions import SessionDefaults
from signaling import parts
from signaling.app import Gateway
from signaling.ice import CREDENTIAL_MARGIN
from tests.gateways import loopback_settings, running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

MODEL = "ws://127.0.0.1:9/v1/realtime"


def test_agents_are_chosen_by_name() -> None:
    _, agents = parts.agents_of(loopback_settings(MODEL, agent_set="haiku"))
    assert agents.name == "haiku"
    with pytest.raises(SettingsError, match="AGENT_SET=nobody"):
        parts.agents_of(loopback_settings(MODEL, agent_set="nobody"))


def test_what_is_not_set_is_not_there() -> None:
    settings = loopback_settings(MODEL)
    assert parts.recorder_of(settings, None) is None
    assert parts.webhooks_of(settings) is None
    assert parts.ice_servers_of(settings).for_user("ann") == []


def test_a_limit_of_cost_needs_a_price() -> None:
    settings: dict[str, Any] = {"realtime_model": "unheard-of", "max_cost_per_session": 1.0}
    with pytest.raises(SettingsError, match="MODEL_PRICES"):
        parts.costs_of(loopback_settings(MODEL, **settings))


def test_recordings_need_a_folder_that_can_be_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="RECORD_DIR"):
        parts.recorder_of(loopback_settings(MODEL, record_dir=file / "below"), None)


def test_ice_servers_of_no_kind_that_aioice_knows() -> None:
    server = IceServer.model_validate(
        {"urls": "turn:127.0.0.1", "username": "a", "credential": "b"}
    )
    secret = parts.ice_servers_of(loopback_settings(MODEL, ice_servers=(server,)))
    assert secret.for_user("ann")[0]["username"] == "a"


def test_an_address_is_shown_without_its_query() -> None:
    assert parts.without_query("wss://h/v1?key=secret#x") == "wss://h/v1"


def defaults(gateway: Gateway) -> SessionDefaults:
    """What the sessions of a gateway that serves are made of."""
    assert gateway.sessions is not None
    return gateway.sessions.defaults


def records(gateway: Gateway) -> RecordSettings:
    assert gateway.recorder is not None
    return gateway.recorder.settings


@pytest.mark.parametrize(
    ("setting", "value", "arrives", "as_what"),
    [
        ("session_idle_timeout", 77.0, lambda gateway: defaults(gateway).limits.idle, 77.0),
        ("session_max_duration", 77.0, lambda gateway: defaults(gateway).limits.duration, 77.0),
        ("reconnect_grace", 7.0, lambda gateway: defaults(gateway).reconnect_grace, 7.0),
        ("max_sessions", 7, lambda gateway: defaults(gateway).max_sessions, 7),
        ("realtime_voice", "cedar", lambda gateway: defaults(gateway).voice, "cedar"),
        (
            *("client_may_change", "tools", lambda gateway: defaults(gateway).rights),
            frozenset({Right.TOOLS}),
        ),
        ("record_max_days", 7.5, lambda gateway: records(gateway).retention.max_days, 7.5),
        ("record_max_bytes", 7_000, lambda gateway: records(gateway).retention.max_bytes, 7_000),
        ("record_notice", "We listen.", lambda gateway: records(gateway).notice, "We listen."),
        ("record_format", "wav", lambda gateway: records(gateway).format, "wav"),
        ("record_packets", True, lambda gateway: records(gateway).packets, True),
    ],
)
async def test_a_setting_arrives_where_it_is_kept_to(
    tmp_path: Path,
    setting: str,
    value: object,
    arrives: Callable[[Gateway], object],
    as_what: object,
) -> None:
    async with running_gateway(MODEL, record_dir=tmp_path) as plain:
        assert arrives(plain) != as_what, "this setting would make no difference"
    async with running_gateway(MODEL, record_dir=tmp_path, **{setting: value}) as gateway:
        assert arrives(gateway) == as_what


async def test_a_session_ends_when_it_has_lasted_as_long_as_it_may(model: StandIn) -> None:
    async with (
        running_gateway(model.url, session_max_duration=0.2) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        end = await caller.wait("session_status", lambda told: told["status"] == "DISCONNECTED")
    assert end["reason"] == Ending.TOO_LONG


def test_credentials_of_turn_servers_last_as_long_as_a_session() -> None:
    server = IceServer.model_validate({"urls": "turn:127.0.0.1"})
    made = parts.ice_servers_of(
        loopback_settings(
            MODEL, ice_servers=(server,), turn_secret="hush", session_max_duration=77_000.0
        )
    )
    before = time.time()
    expires = int(made.for_user("ann")[0]["username"].partition(":")[0])
    lasts = 77_000.0 + CREDENTIAL_MARGIN
    assert before + lasts - 1 <= expires <= time.time() + lasts
