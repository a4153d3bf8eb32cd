import asyncio
import os
import socket
import sys

import pytest

from client.python.bench.process import descriptors, family, usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Starts a child that says that it runs, then both wait for the end of their input.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True); input()"])
child.wait()
"""


async def test_a_process_is_measured_with_its_children() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    assert len(list(family(process.pid))) == 2
    both = usage(process.pid)
    assert both is not None
    assert both.threads == 2
    assert 4_000_000 < both.rss < 200_000_000
    process.stdin.close()
    await process.wait()
    assert usage(process.pid) is None


def test_cpu_time_grows_with_work() -> None:
    before = usage(os.getpid())
    assert before is not None
    worked = os.times().user
    while os.times().user - worked < 0.05:
        sum(range(10_000))
    after = usage(os.getpid())
    assert after is not None
    assert 0.03 <= after.cpu - before.cpu < 5


def test_descriptors_and_sockets_are_counted() -> None:
    before = descriptors(os.getpid())
    one, two = socket.socketpair()
    with one, two, open(os.devnull):
        during = descriptors(os.getpid())
    assert before is not None
    assert during is not None
    assert (during.total - before.total, during.sockets - before.sockets) == (3, 2)


def test_of_no_process_nothing_is_known() -> None:
    assert usage(2**30) is None
    assert descriptors(2**30) is None
