"""What is shipped for Docker Compose, but for the containers: there is no engine here."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aioice.turn import create_turn_endpoint

from gateway.config import load_settings
from tests.coturn import LOOPBACK, needs_coturn, running_coturn
from tests.dockerfile import instructions

ROOT = Path(__file__).parents[1]
GIVEN = {"TURN_SECRET": "a-secret-of-both", "PUBLIC_ADDRESS": LOOPBACK}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}")


def filled(value: Any) -> Any:
    """As Compose fills in the variables of ``.env``, here :data:`GIVEN`."""
    match value:
        case str():
            return VARIABLE.sub(lambda v: GIVEN.get(v[1]) or (v[3] if v[2] == ":-" else ""), value)
        case list():
            return [filled(each) for each in value]
        case dict():
            return {name: filled(each) for name, each in value.items()}
    return value


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    read: dict[str, Any] = filled(yaml.safe_load(text))["services"]
    return read


def test_the_gateway_takes_what_it_is_given(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in services["talkpath"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.turn_secret is not None
    assert settings.turn_secret.get_secret_value() == GIVEN["TURN_SECRET"]
    assert settings.public_address == (LOOPBACK,)
    urls = [url for server in settings.ice_servers for url in server.urls]
    assert urls == [f"turn:{LOOPBACK}:3478", f"turn:{LOOPBACK}:3478?transport=tcp"]
    known = {name.upper() for name in type(settings).model_fields}
    assert set(services["talkpath"]["environment"]) <= known
    wait = re.fullmatch(r"(\d+)s", services["talkpath"]["stop_grace_period"])
    assert wait is not None
    assert int(wait[1]) > settings.drain_timeout


def test_what_must_not_be_missing_is_asked_for() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    asked = {name for name, how, _ in VARIABLE.findall(text) if how == ":?"}
    assert asked == set(GIVEN)


@pytest.mark.parametrize("name", ["talkpath", "coturn"])
def test_a_container_may_do_little(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_the_gateway_writes_is_on_its_volume(services: dict[str, Any]) -> None:
    gateway = services["talkpath"]
    (folder,) = (volume.partition(":")[2] for volume in gateway["volumes"])
    assert gateway["environment"]["AUDIT_LOG"].startswith(f"{folder}/")
    made = [step.words for step in instructions(ROOT / "Dockerfile") if step.keyword == "VOLUME"]
    assert [folder] in [[word.strip('[",]') for word in words] for words in made] or not made


def test_media_of_the_two_do_not_meet(services: dict[str, Any]) -> None:
    low, high = map(int, services["talkpath"]["environment"]["UDP_PORT_RANGE"].split("-"))
    options = dict(
        option.removeprefix("--").partition("=")[::2] for option in services["coturn"]["command"]
    )
    assert low < high < int(options["min-port"]) < int(options["max-port"])


@needs_coturn
async def test_the_turn_server_takes_the_gateway_s_credentials(services: dict[str, Any]) -> None:
    here = ("--listening-port", "--log-file")
    command = [each for each in services["coturn"]["command"] if not each.startswith(here)]
    with running_coturn(house=command) as server:
        for secret, is_let_in in ((GIVEN["TURN_SECRET"], True), ("another one", False)):
            (told,) = server.servers("udp", secret).for_user("sess_1")
            allocating = create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(LOOPBACK, server.port),
                username=told["username"],
                password=told["credential"],
            )
            if not is_let_in:
                with pytest.raises(Exception, match="401"):
                    await allocating
                continue
            transport, _ = await allocating
            host, port = transport.get_extra_info("sockname")
            assert (host, 49_160 <= port <= 49_999) == (LOOPBACK, True), json.dumps(told)
            transport.close()
