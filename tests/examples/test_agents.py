"""A third party's agents, installed as a package and picked up by name by a gateway of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.calling_model import CallingModel
from tests.npm import ROOT
from tests.signaling.callers import Caller
from tests.signaling.test_cli import ready, serving

BAKERY = ROOT / "examples/agents/bakery"


@pytest.fixture
async def installed(tmp_path: Path) -> Path:
    """The folder that the package was installed into."""
    # setuptools builds in the source's folder.
    source, target = tmp_path / "source", tmp_path / "site"
    shutil.copytree(BAKERY, source)
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-index", "--no-build-isolation", "--target", str(target), str(source)),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await pip.communicate()
    assert pip.returncode == 0, (out + err).decode()
    return target


async def test_a_package_brings_agents_without_a_change_to_the_gateway(installed: Path) -> None:
    path = os.pathsep.join([str(installed), str(ROOT)])
    async with (
        CallingModel() as model,
        serving("--port", "0", PYTHONPATH=path, AGENT_SET="bakery", REALTIME_URL=model.url) as gate,
    ):
        async with Caller(await ready(gate)) as caller:
            joined = await caller.join()
            assert joined["agentSet"] == "bakery"
            line = await model.calling_line()
            session = (await line.wait_for("session.update"))["session"]
            assert "Crust and Crumb" in session["instructions"]
            names = [tool["name"] for tool in session["tools"]]
            assert names == ["order", "hang_up", "transfer_to_baker"]
            (call_id,) = await line.call_tools(("order", {"bread": "rye", "count": 2}))
            await line.wait_for("response.create")
            assert line.outputs() == [
                (call_id, "In the basket, for 9.00 euros: [('rye', 2)]"),
            ]
            await line.answer("Two loaves of rye, nine euros.", b"\1\0" * 2400)
            said = await caller.wait("agent_response")
            assert (said["agent"], said["metadata"]) == ("counter", {"direct": False})
            started, ended = caller.of("agent_event")
            assert (started["type"], ended["type"]) == ("tool_start", "tool_end")
            assert (ended["tool"], ended["ok"]) == ("order", True)
            assert not [event for event in caller.of("realtime_event") if "Crust" in str(event)]
        assert model.faults == []


@pytest.mark.parametrize(
    ("agents", "complaint"),
    [
        ("mill", "AGENT_SET=mill: there is no agent set of that name; known: "),
        ("/nowhere/mill.py", "AGENT_SET=/nowhere/mill.py: there is no such file"),
    ],
)
async def test_agents_that_are_not_there_stop_the_start(agents: str, complaint: str) -> None:
    async with serving("--port", "0", AGENT_SET=agents) as gateway, asyncio.timeout(30):
        _, errors = await gateway.communicate()
    assert gateway.returncode != 0
    assert complaint in errors.decode()


async def test_agents_in_a_file_are_picked_up_too(tmp_path: Path) -> None:
    file = BAKERY / "talkpath_bakery.py"
    async with (
        CallingModel() as model,
        serving("--port", "0", AGENT_SET=str(file), REALTIME_URL=model.url) as gateway,
        Caller(await ready(gateway)) as caller,
    ):
        assert (await caller.join())["agentSet"] == "bakery"
