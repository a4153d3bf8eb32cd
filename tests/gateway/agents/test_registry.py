from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from gateway.agents.agent import Agent, AgentSet, AgentSetError
from gateway.agents.registry import BUILT_IN, AgentSets

FILE = """\
from __future__ import annotations
from typing import Literal
from gateway.agents.agent import Agent, AgentSet
from gateway.agents.tool import tool

Size = Literal["S", "L"]

@tool
def bake(size: Size) -> str:
    \"\"\"Bake a loaf.\"\"\"
    return size

ONE = AgentSet("bakery", (Agent("baker", "Sell bread.", tools=(bake,)),), "baker", "Crust")
"""
TWO = FILE + 'TWO = AgentSet("mill", (Agent("miller", "Sell flour."),), "miller", "Crust")\n'


@pytest.mark.parametrize("agents", BUILT_IN, ids=lambda agents: agents.name)
def test_every_set_has_someone_to_take_the_call(agents: AgentSet) -> None:
    assert len(agents.first.instructions) > 100
    assert agents.company_name
    assert AgentSets().find(agents.name) is agents


def test_a_name_that_means_nothing_is_answered_with_those_that_do() -> None:
    with pytest.raises(AgentSetError) as unknown:
        AgentSets().find("choir")
    assert "there is no agent set of that name; known: " in str(unknown.value)
    assert "chat_supervisor" in str(unknown.value)


def test_two_sets_of_one_name_are_refused() -> None:
    again = AgentSet("chat_supervisor", (Agent("a", "b"),), "a", "c")
    with pytest.raises(AgentSetError, match="two agent sets are named chat_supervisor"):
        AgentSets().add(again)


def test_an_operator_may_name_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bakery.py"
    file.write_text(FILE)
    sets = AgentSets()
    agents = sets.choose(str(file))
    assert (agents.name, agents.first.tools[0].name) == ("bakery", "bake")
    assert sets.find("bakery") is agents


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/agents.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    assert len(example.splitlines()) <= 30
    file = tmp_path / "bakery.py"
    file.write_text(example)
    agents = AgentSets().choose(str(file))
    assert [tool.name for tool in agents.first.tools] == ["order", "hang_up"]


def test_one_of_several_sets_in_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bakery.py"
    file.write_text(TWO)
    assert AgentSets().choose(f"{file}:TWO").name == "mill"
    with pytest.raises(AgentSetError, match="holds 2 agent sets; name one of them as"):
        AgentSets().choose(str(file))
    with pytest.raises(AgentSetError, match=r"THREE of .* is no AgentSet"):
        AgentSets().choose(f"{file}:THREE")


def test_a_client_may_not_name_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bakery.py"
    file.write_text("raise SystemExit")
    with pytest.raises(AgentSetError, match="there is no agent set of that name"):
        AgentSets().find(str(file))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("1 +", "SyntaxError"),
        (FILE.replace('"baker", "Crust"', '"cook", "Crust"'), "its entry is 'cook'"),
        ("", "holds 0 agent sets"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "bakery.py"
    file.write_text(text)
    with pytest.raises(AgentSetError) as refused:
        AgentSets().choose(str(file))
    assert complaint in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(AgentSetError, match="there is no such file"):
        AgentSets().choose(str(tmp_path / "bakery.py"))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("nothing_of_this_name:AGENTS", "No module named"),
        ("gateway.agents.registry:AGENTS", "no attribute"),
        ("gateway.agents.registry:GROUP", "it is no AgentSet"),
        ("gateway.agents.sets.chat_supervisor:AGENTS", "it is named chat_supervisor"),
    ],
)
def test_a_package_that_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str, complaint: str
) -> None:
    entry = importlib.metadata.EntryPoint("bakery", value, "talkpath.agent_sets")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry])
    with pytest.raises(AgentSetError) as refused:
        AgentSets.installed()
    assert str(refused.value).startswith(f"agent set bakery ({value}): ")
    assert complaint in str(refused.value)
