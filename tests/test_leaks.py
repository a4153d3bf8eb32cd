import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import leaks

BRIEFLY = 0.03


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        runner.get_loop()
        yield runner


def test_a_clean_call_leaves_nothing(runner: asyncio.Runner) -> None:
    async def clean() -> None:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()
        server.close()
        await asyncio.to_thread(time.monotonic)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        await process.wait()

    before = leaks.snapshot(runner.get_loop())
    runner.run(clean())
    assert leaks.settle(before, runner.get_loop(), leaks.GRACE) == []


def test_a_loop_may_use_its_executor_again(runner: asyncio.Runner) -> None:
    for _ in range(2):
        before = leaks.snapshot(runner.get_loop())
        runner.run(asyncio.to_thread(time.monotonic))
        assert leaks.settle(before, runner.get_loop(), leaks.GRACE) == []


def test_a_task_is_told_with_where_it_waits(runner: asyncio.Runner) -> None:
    never = asyncio.Event()

    async def inner() -> None:
        await never.wait()

    async def outer() -> None:
        await inner()

    async def forget() -> None:
        held.append(asyncio.create_task(outer(), name="forgotten"))
        await asyncio.sleep(0)

    held: list[asyncio.Task[None]] = []
    before = leaks.snapshot(runner.get_loop())
    runner.run(forget())

    (line,) = leaks.settle(before, runner.get_loop(), BRIEFLY)
    assert line.startswith("task 'forgotten' in ")
    assert line.index("outer (test_leaks.py:") < line.index("inner (test_leaks.py:")
    held.pop().cancel()
    assert leaks.settle(before, runner.get_loop(), leaks.GRACE) == []


def test_a_task_that_is_ending_is_waited_for(runner: asyncio.Runner) -> None:
    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(0.02))

    before = leaks.snapshot(runner.get_loop())
    task = runner.run(start())
    assert leaks.settle(before, runner.get_loop(), leaks.GRACE) == []
    assert task.done()


def test_one_in_the_place_of_another_is_none(runner: asyncio.Runner) -> None:
    """As a server has that waits with a time limit, again and again."""

    async def wait() -> asyncio.Task[bool]:
        return asyncio.create_task(asyncio.Event().wait())

    first = runner.run(wait())
    before = leaks.snapshot(runner.get_loop())
    first.cancel()
    second = runner.run(wait())
    assert leaks.settle(before, runner.get_loop(), BRIEFLY) == []
    third = runner.run(wait())
    assert len(leaks.settle(before, runner.get_loop(), BRIEFLY)) == 1
    second.cancel()
    third.cancel()
    leaks.settle(before, runner.get_loop(), leaks.GRACE)


def test_a_socket_is_told_with_its_address() -> None:
    before = leaks.snapshot(None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        (line,) = leaks.settle(before, None, BRIEFLY)
        assert line.startswith(f"descriptor {server.fileno()} socket:[")
        assert str(server.getsockname()[1]) in line
        assert "LISTEN" in line
    assert leaks.settle(before, None, leaks.GRACE) == []


def test_a_file_is_told_with_its_path(tmp_path: Path) -> None:
    before = leaks.snapshot(None)
    with (tmp_path / "call.wav").open("wb") as file:
        assert leaks.settle(before, None, BRIEFLY) == [
            f"descriptor {file.fileno()} {tmp_path}/call.wav"
        ]


def test_a_descriptor_taken_over_by_another_file_is_seen(tmp_path: Path) -> None:
    with (tmp_path / "one").open("wb") as one, (tmp_path / "two").open("wb") as two:
        before = leaks.snapshot(None)
        os.dup2(two.fileno(), one.fileno())
        assert leaks.settle(before, None, BRIEFLY) == [f"descriptor {one.fileno()} {tmp_path}/two"]


def test_a_thread_is_told_with_where_it_stands() -> None:
    release = threading.Event()
    before = leaks.snapshot(None)
    thread = threading.Thread(target=release.wait, name="decoder")
    thread.start()
    try:
        (line,) = leaks.settle(before, None, BRIEFLY)
        assert line.startswith("thread 'decoder' in ")
        assert "Event.wait (threading.py:" in line
    finally:
        release.set()
        thread.join()
    assert leaks.settle(before, None, leaks.GRACE) == []


def test_a_hanging_executor_thread_is_seen(runner: asyncio.Runner) -> None:
    release = threading.Event()
    before = leaks.snapshot(runner.get_loop())

    async def hang() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait)

    runner.run(hang())
    try:
        (line,) = leaks.settle(before, runner.get_loop(), BRIEFLY)
        assert line.startswith("thread 'asyncio_")
    finally:
        release.set()
    assert leaks.settle(before, runner.get_loop(), leaks.GRACE) == []


def test_a_process_is_told_with_its_command() -> None:
    before = leaks.snapshot(None)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lines = leaks.settle(before, None, BRIEFLY)
        (line,) = [line for line in lines if line.startswith("process")]
        assert line.startswith(f"process {process.pid} ")
        assert line.endswith("-c input()")
    finally:
        process.communicate(b"\n")
    assert leaks.settle(before, None, leaks.GRACE) == []


def test_what_only_the_collector_frees_is_forgiven() -> None:
    before = leaks.snapshot(None)
    cycle: list[object] = [socket.socketpair()]
    cycle.append(cycle)
    del cycle
    with pytest.warns(ResourceWarning):
        assert leaks.settle(before, None, leaks.GRACE) == []


def test_a_clean_check_is_cheap(runner: asyncio.Runner) -> None:
    loop = runner.get_loop()
    took = []
    for _ in range(5):
        start = time.perf_counter()
        assert leaks.settle(leaks.snapshot(loop), loop, leaks.GRACE) == []
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02


INNER_TESTS = """
    import asyncio, socket, subprocess, threading
    import pytest, pytest_asyncio
    from tests import leaks

    leaks.GRACE = 0.05

    held = []

    @pytest_asyncio.fixture(loop_scope="module", scope="module")
    async def server():
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        yield server
        server.close()

    @pytest.fixture
    async def own_task():
        task = asyncio.create_task(asyncio.sleep(60))
        yield
        task.cancel()

    async def test_clean(own_task):
        await asyncio.to_thread(int)

    @pytest.mark.asyncio(loop_scope="module")
    async def test_wider_fixture(server):
        pass

    @pytest.mark.asyncio(loop_scope="module")
    async def test_task_on_a_wider_loop(server):
        held.append(asyncio.create_task(asyncio.sleep(60), name="wider"))

    async def test_task():
        held.append(asyncio.create_task(asyncio.sleep(60), name="forgotten"))

    async def test_socket():
        held.append(socket.socket())

    def test_thread():
        held.append(threading.Event())
        threading.Thread(target=held[-1].wait, name="decoder", daemon=True).start()

    async def test_process():
        held.append(subprocess.Popen(["sleep", "30"]))

    def test_end():
        held[-1].kill()
        held[-1].wait()

    async def test_failed_one_is_not_judged():
        held.append(socket.socket())
        assert False
"""


def test_every_test_is_under_the_check(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "conftest.py", "leaks.py"):
        (tmp_path / "tests" / name).write_bytes((root / "tests" / name).read_bytes())
    (tmp_path / "tests" / "test_inner.py").write_text(textwrap.dedent(INNER_TESTS))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\npythonpath = .\naddopts = -p no:cacheprovider --tb=short\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )

    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "tests/test_inner.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    def judged(outcome: str) -> set[str]:
        start = f"{outcome} tests/test_inner.py::test_"
        lines = result.stdout.splitlines()
        return {x.removeprefix(start).split(" ")[0] for x in lines if x.startswith(start)}

    assert judged("ERROR") == {"task_on_a_wider_loop", "task", "socket", "thread", "process"}, (
        result.stdout
    )
    assert judged("FAILED") == {"failed_one_is_not_judged"}
    for left in ("task 'wider' in ", "task 'forgotten' in ", "thread 'decoder' in ", "sleep 30"):
        assert left in result.stdout
