"""`python -m client.python.bench.watched MODULE ARGS…`: runs a module as `python -m` would, and
prints on SIGUSR1 what only the process itself can tell: how many asyncio tasks it has."""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
from types import FrameType

MARK = "asyncio tasks: "
"""What the line begins with, before the number."""


def main(argv: list[str]) -> None:
    """Run the module `argv[0]` with the rest as its arguments; it ends the process as it does."""
    signal.signal(signal.SIGUSR1, _tell)
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


def _tell(signum: int, frame: FrameType | None) -> None:
    # A signal's handler runs in the main thread between two instructions, so also within its loop.
    try:
        tasks = len(asyncio.all_tasks())
    except RuntimeError:  # No loop runs, as at the start and at the end.
        tasks = 0
    # Not by print: the module may be in the middle of one.
    os.write(1, f"{MARK}{tasks}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
