"""``python -m gateway.local_model``: the embedded model as a server in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from gateway.local_model.weights import ModelUnavailable

if TYPE_CHECKING:
    from gateway.local_model.engine import Engine

READY = "Talkpath model ready on "
"""What the one line on standard output begins with; the URL follows."""

UNAVAILABLE = 3
"""Exit status where the model cannot run here; standard error says why."""

_SINGLE_THREADED = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    options = _options(argv)
    # One thread an inference: the cores are shared with the gateway. Read when numpy is imported.
    for variable in _SINGLE_THREADED:
        os.environ.setdefault(variable, "1")
    signal.signal(signal.SIGTERM, _exit)
    # Inference threads hold the interpreter for this long before the event loop gets it back.
    sys.setswitchinterval(0.001)
    _log_to_stderr()
    from gateway.local_model.engine import load_engine

    try:
        engine = load_engine()
        asyncio.run(_serve(engine, options))
    except (ModelUnavailable, OSError) as error:
        print(f"the embedded model cannot start: {error}", file=sys.stderr)
        return UNAVAILABLE
    except KeyboardInterrupt:
        pass
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="talkpath model", description="Serve the embedded model over the Realtime protocol."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument(
        "--max-session-seconds", type=float, default=3_600.0, help="a session ends after this"
    )
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="exit when standard input ends"
    )
    return parser.parse_args(argv)


def _exit(signum: int, frame: FrameType | None) -> None:
    """SIGTERM while the models load."""
    raise SystemExit(0)


def _log_to_stderr() -> None:
    """As the gateway does; standard output is for the ready line alone."""
    from gateway.telemetry import LogLevel, configure_logging

    levels: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
    wanted = os.environ.get("LOG_LEVEL", "").lower()
    level: LogLevel = next((level for level in levels if level == wanted), "info")
    machine = os.environ.get("LOG_FORMAT", "").lower() == "json"
    configure_logging(level, "json" if machine else "console")


async def _serve(engine: Engine, options: argparse.Namespace) -> None:
    from gateway.local_model.server import ModelServer

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_parent:
        threading.Thread(
            target=_watch_parent, args=(loop, stop), name="parent", daemon=True
        ).start()
    server = ModelServer(engine.run, longest_session=options.max_session_seconds)
    url = await server.start(options.host, options.port)
    print(f"{READY}{url}", flush=True)
    await stop.wait()
    await server.close()


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever started this holds the other end of standard input, and dies with it closed."""
    # Not sys.stdin: a thread that waits inside its lock would break the interpreter's exit.
    while os.read(0, 1024):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
