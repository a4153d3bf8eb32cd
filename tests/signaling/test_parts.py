"""What the settings make of a gateway's parts, and what they cannot make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import SettingsError
from gateway.json_settings import IceServer
from signaling import parts
from tests.gateways import loopback_settings

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
