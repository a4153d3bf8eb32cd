"""Agent sets by name: those of the house, those of installed packages, and one in a file.

A package offers its sets as entry points of the group ``talkpath.agent_sets``::

    [project.entry-points."talkpath.agent_sets"]
    bakery = "bakery_agents:AGENTS"

A file is named as ``path/to/file.py`` if it holds one :class:`AgentSet`, else as
``path/to/file.py:variable``. All are loaded when the gateway starts, since an import may take long.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from gateway.agents.agent import AgentSet, AgentSetError
from gateway.agents.sets import chat_supervisor, haiku, retail

GROUP = "talkpath.agent_sets"

BUILT_IN = (chat_supervisor.AGENTS, haiku.AGENTS, retail.AGENTS)

_BROKEN = (
    *(ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError),
    *(LookupError, OSError, RuntimeError),
)
"""What importing somebody's agents may raise."""


class AgentSets:
    """The sets a client may ask for, by name.

    :raises AgentSetError: two of them have one name.
    """

    def __init__(self, sets: Iterable[AgentSet] = BUILT_IN) -> None:
        self._sets: dict[str, AgentSet] = {}
        for agents in sets:
            self.add(agents)

    @classmethod
    def installed(cls) -> AgentSets:
        """Those of the house and of installed packages.

        :raises AgentSetError: a package's set cannot be used.
        """
        sets = cls()
        for entry in importlib.metadata.entry_points(group=GROUP):
            sets.add(_load(entry))
        return sets

    def add(self, agents: AgentSet) -> None:
        """:raises AgentSetError: there is another of that name."""
        if self._sets.setdefault(agents.name, agents) is not agents:
            raise AgentSetError(f"two agent sets are named {agents.name}")

    def find(self, name: str) -> AgentSet:
        """:raises AgentSetError: there is none of that name."""
        try:
            return self._sets[name]
        except KeyError:
            known = ", ".join(sorted(self._sets))
            raise AgentSetError(f"there is no agent set of that name; known: {known}") from None

    def choose(self, name: str) -> AgentSet:
        """The set that an operator names: also one in a file, which is known from then on.

        :raises AgentSetError: there is none, or the file cannot be used.
        """
        path, _, variable = name.partition(".py:")
        if not variable and not name.endswith(".py"):
            return self.find(name)
        agents = _from_file(Path(f"{path}.py" if variable else name), variable)
        self.add(agents)
        return agents


def _load(entry: importlib.metadata.EntryPoint) -> AgentSet:
    try:
        found = entry.load()
    except _BROKEN as error:
        raise AgentSetError(f"agent set {entry.name} ({entry.value}): {error}") from error
    if not isinstance(found, AgentSet):
        raise AgentSetError(f"agent set {entry.name} ({entry.value}): it is no AgentSet")
    if found.name != entry.name:
        raise AgentSetError(f"agent set {entry.name} ({entry.value}): it is named {found.name}")
    return found


def _from_file(path: Path, variable: str) -> AgentSet:
    module = _module(path)
    if variable:
        found = getattr(module, variable, None)
        if not isinstance(found, AgentSet):
            raise AgentSetError(f"{variable} of {path} is no AgentSet")
        return found
    own = [value for value in vars(module).values() if isinstance(value, AgentSet)]
    if len(own) != 1:
        raise AgentSetError(
            f"{path} holds {len(own)} agent sets; name one of them as {path}:VARIABLE"
        )
    return own[0]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"talkpath_agent_set_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise AgentSetError("there is no such file")
    module = importlib.util.module_from_spec(spec)
    # Types that are named as text are looked up in the module of this name.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except _BROKEN as error:
        raise AgentSetError(f"{path}: {type(error).__name__}: {error}") from error
    return module
