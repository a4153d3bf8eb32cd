"""Gathers what phones were seen to do, see `tests/e2e/interop.py`."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.interop import COMMAND, DOCS, Tried, Tries, not_documented

WRITES = "TALKPATH_INTEROP_TABLE" in os.environ
"""Whether what is seen is to be documented, not to be compared with what is."""

_FIXTURE = "interop"
_TABLE = "test_interop_table.py"


@dataclass
class Run:
    """What this run of the tests has seen; ``wanted`` are the tests that see."""

    wanted: set[str] = field(default_factory=set)
    seen: dict[str, list[Tried]] = field(default_factory=dict)
    is_whole: bool = False

    @property
    def missing(self) -> set[str]:
        return self.wanted - self.seen.keys()


_RUN = pytest.StashKey[Run]()
_TRIES = pytest.StashKey[list[Tried]]()
_LEFT_OUT = pytest.StashKey[bool]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if _FIXTURE in getattr(item, "fixturenames", ()):
            item.config.stash[_LEFT_OUT] = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The table comes last, when all is seen."""
    sees = [item for item in items if _FIXTURE in getattr(item, "fixturenames", ())]
    last = [item for item in items if item.path.name == _TABLE]
    items[:] = sees if WRITES else [item for item in items if item not in last]
    items += last
    folder = Path(__file__).parent
    asked = [(config.invocation_params.dir / name).resolve() for name in config.args]
    left_out = config.option.lf or config.stash.get(_LEFT_OUT, False)
    config.stash[_RUN] = Run(
        {item.nodeid for item in sees},
        is_whole=any(folder.is_relative_to(path) for path in asked) and not left_out,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed and _TRIES in item.stash:
        item.config.stash[_RUN].seen[item.nodeid] = item.stash[_TRIES]
    return report


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    return request.config.stash[_RUN]


@pytest.fixture
def interop(request: pytest.FixtureRequest) -> Iterator[Tries]:
    """Name a phone, its transport and media, and tell the outcome what was seen to work."""
    tries: list[Tried] = []
    request.node.stash[_TRIES] = tries

    def try_phone(phone: str, transport: str, media: str) -> Tried:
        tries.append(Tried(phone, transport, media))
        return tries[-1]

    yield try_phone
    if not WRITES and request.node.nodeid in request.config.stash[_RUN].seen:
        text = DOCS.read_text()
        lacks = [(tried, not_documented(tried, text)) for tried in tries]
        told = [
            f"{tried.phone}, {tried.transport}, {tried.media}: {new}" for tried, new in lacks if new
        ]
        assert not told, f"seen, and not documented ({COMMAND}): {told}"
