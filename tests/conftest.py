"""Rules that hold for every test: no setting of this machine is seen, nothing is left behind."""

import asyncio
import gc
import os
from collections.abc import Generator, Iterator

import pytest

from gateway.config import Settings
from tests import leaks

_FAILED = pytest.StashKey[bool]()

# Before any test module reads them: a key, or another server, would take tests off this machine.
for _name in list(os.environ):
    if _name.lower() in Settings.model_fields or _name.startswith(("OPENAI_", "OTEL_")):
        del os.environ[_name]


def pytest_collection_finish() -> None:
    """A full collection of all that thousands of tests import takes 0.2 s, which no gateway has to
    bear; so what is there before the first test is not looked at again.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare what is alive before the test's own fixtures start with what is after they ended.

    Autouse fixtures come first within their scope, and wider scopes come before: a module's or
    session's server counts as there before, a test's own must be gone. A failed test is not judged:
    its traceback keeps alive what it used.
    """
    loop = _loop_of(request)
    before = leaks.snapshot(loop)
    yield
    if request.node.stash.get(_FAILED, False):
        return
    left = leaks.settle(before, loop, leaks.GRACE)
    if left:
        pytest.fail("left behind by the test:\n  " + "\n  ".join(left), pytrace=False)


def _loop_of(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop | None:
    """The loop an async test runs on, made by pytest-asyncio before the snapshot is taken."""
    marker = request.node.get_closest_marker("asyncio")
    if marker is None:
        return None
    scope = marker.kwargs.get("loop_scope") or "function"
    runner: asyncio.Runner = request.getfixturevalue(f"_{scope}_scoped_runner")
    return runner.get_loop()
