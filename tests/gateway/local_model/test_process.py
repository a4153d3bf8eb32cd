import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from gateway.local_model import process
from gateway.local_model.__main__ import READY, UNAVAILABLE
from gateway.local_model.process import EmbeddedModel
from gateway.local_model.weights import ModelUnavailable
from tests.gateway.local_model.talker import talking

ROOT = Path(__file__).parents[3]

# A process that says it is ready and lives until its parent ends it; nothing else is needed here.
FAKE = """
import os, socket, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
with socket.create_server(("127.0.0.1", port)) as server:
    port = server.getsockname()[1]
    print(f"Talkpath model ready on ws://127.0.0.1:{port}/v1/realtime", flush=True)
    while os.read(0, 100):
        pass
"""


class Pretended:
    """The module that `EmbeddedModel` runs instead of the model."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pretended_model.py"
        self._tries = folder / "tries"
        self.write(FAKE)

    def write(self, source: str) -> None:
        self._path.write_text(source)

    def fail(self, times: int) -> None:
        """Run properly only after failing ``times``."""
        self.write(
            f"import pathlib\ntries = pathlib.Path({str(self._tries)!r})\n"
            "with tries.open('a') as file: file.write('x')\n"
            f"if len(tries.read_text()) <= {times}: raise SystemExit('not yet')\n{FAKE}"
        )

    @property
    def tries(self) -> int:
        return len(self._tries.read_text()) if self._tries.exists() else 0


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    monkeypatch.setattr(process, "_MODULE", "pretended_model")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Pretended(tmp_path)


@pytest.fixture
async def model() -> AsyncIterator[EmbeddedModel]:
    model = EmbeddedModel()
    yield model
    await model.stop()
    assert model.pid is None


async def until(condition: Callable[[], bool]) -> None:
    """Of another process nobody tells us; it has to be looked at."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_restarted(model: EmbeddedModel, dead: int) -> None:
    await until(lambda: model.pid not in (None, dead))


async def test_it_answers_and_leaves_nothing(model: EmbeddedModel) -> None:
    url = await model.start()
    assert model.pid is not None
    child = psutil.Process(model.pid)
    async with talking(url) as talker:
        await talker.wait_for("session.created")
    await model.stop()
    assert not child.is_running()


async def test_it_comes_back_on_its_port(model: EmbeddedModel, pretended: Pretended) -> None:
    url = await model.start()
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    first = model.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until_restarted(model, first)
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                break
    writer.close()
    await writer.wait_closed()


async def test_it_keeps_trying(
    model: EmbeddedModel, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_FIRST_BACKOFF", 0.01)
    await model.start()
    first = model.pid
    assert first is not None
    pretended.fail(times=2)
    os.kill(first, signal.SIGKILL)
    await until(lambda: pretended.tries >= 3)
    await until_restarted(model, first)


async def test_why_it_does_not_start(model: EmbeddedModel, pretended: Pretended) -> None:
    pretended.write("raise SystemExit('package x is not installed')")
    with pytest.raises(ModelUnavailable, match="package x is not installed"):
        await model.start()
    assert model.pid is None


async def test_when_it_is_not_ready_in_time(
    model: EmbeddedModel, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_START_DEADLINE", 0.3)
    pretended.write("import os\nwhile os.read(0, 1): pass")
    with pytest.raises(ModelUnavailable, match=r"not ready within 0\.3 s"):
        await model.start()


async def test_what_ignores_sigterm_is_killed(
    model: EmbeddedModel, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_DEADLINE", 0.2)
    pretended.write("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAKE)
    await model.start()
    await model.stop()


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.local_model", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("how", ["parent", "sigterm", "sigint"])
def test_the_command_ends_when_it_should(how: str) -> None:
    with run("--exit-with-parent") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline().startswith(READY)
        asked = time.monotonic()
        if how == "parent":
            child.stdin.close()
            child.stdin = None
        else:
            child.send_signal(signal.SIGTERM if how == "sigterm" else signal.SIGINT)
        rest, log = child.communicate(timeout=10)
        assert (child.returncode, rest, log) == (0, "", "")
        assert time.monotonic() - asked < 2


def test_sigterm_while_it_loads_ends_it() -> None:
    with run() as child:
        child.terminate()
        child.communicate(timeout=10)
        assert child.returncode in (0, -signal.SIGTERM)


def test_a_taken_port_is_said(model_url: str) -> None:
    port = model_url.rsplit(":", 1)[1].split("/")[0]
    with run("--port", port) as child:
        output, log = child.communicate(timeout=20)
    assert child.returncode == UNAVAILABLE
    assert output == ""
    assert "cannot start" in log
    assert "Traceback" not in log
