"""The ``talkpath`` command."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

from gateway.config import Settings, SettingsError, load_settings
from gateway.telemetry import configure_logging

_COMMANDS = {
    "serve": "run the gateway",
    "call": "place one WebRTC call with a WAV file as the microphone",
    "model": "run the embedded Realtime model alone",
    "replay": "run a recorded call through the rules again, and show what differs",
    "audit": "check that an audit log was not changed",
    "health": "ask whether the gateway on this machine answers",
    "token": "make a token of AUTH_SECRET",
    "bench": "measure a gateway under the load of many calls",
}

_MIDDLE_COLLECTIONS = 2
"""Before each full one, about 80 calls."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(argv: list[str] | None = None) -> int:
    """Run ``talkpath COMMAND …`` and return its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="talkpath",
        description="Voice gateway between callers and a Realtime speech model.",
        epilog="\n".join(f"  {name:8}{text}" for name, text in _COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS)
    command = parser.parse_args(arguments[:1]).command
    rest = arguments[1:]
    # Each command imports only what it needs: the models of `model` take a second to load.
    if command == "call":
        from client.python.call import main as call

        return call(rest)
    if command == "bench":
        from client.python.bench.command import main as bench

        return bench(rest)
    if command == "token":
        from signaling.token_command import main as token

        return token(rest)
    if command == "replay":
        from gateway.replaying import main as replay

        return replay(rest)
    if command == "audit":
        from gateway.audit.command import main as audit

        return audit(rest)
    if command == "health":
        from signaling.health_command import main as health

        return health(rest)
    if command == "model":
        from gateway.local_model.__main__ import main as model

        return model(rest)
    return serve(rest)


def serve(argv: list[str]) -> int:
    """``talkpath serve``: flags override the environment, which overrides ``.env``."""
    parser = argparse.ArgumentParser(prog="talkpath serve", description="Run the gateway.")
    parser.add_argument("--host", help="address to listen on (HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (PORT)")
    parser.add_argument("--env-file", type=Path, help="settings file instead of .env")
    parser.add_argument("--log-level", help="debug, info, warning or error (LOG_LEVEL)")
    flags = parser.parse_args(argv)
    try:
        settings = load_settings(
            flags.env_file, host=flags.host, port=flags.port, log_level=flags.log_level
        )
    except SettingsError as error:
        return _complain(error)
    configure_logging(settings.log_level, settings.log_format)
    # Threads for matrices nobody multiplies here. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    from gateway.local_model.weights import ModelUnavailable
    from gateway.media.libopus import OpusUnavailable
    from gateway.media.seams import SeamError
    from signaling.app import CannotListen, Gateway

    gateway = Gateway(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in _STOP_SIGNALS:
        loop.add_signal_handler(signum, stopping.set)
    try:
        await gateway.start()
    except (SettingsError, SeamError, OpusUnavailable, ModelUnavailable, CannotListen) as error:
        await gateway.stop()
        return _complain(error)
    _relieve_collector()
    print(f"Talkpath ready on {gateway.url} (model: {gateway.model_name})", flush=True)
    await stopping.wait()
    # A second signal does not wait for calls to finish.
    for signum in _STOP_SIGNALS:
        loop.remove_signal_handler(signum)
    await gateway.stop(settings.drain_timeout)
    return 0


def _relieve_collector() -> None:
    """Keep full collections short, and have them often enough.

    One that looks at all that is loaded holds every call up for 40 ms. And it would come once in
    some 300 calls, each of which leaves 60 KiB of cycles behind: connections, tracebacks of tasks
    that were cancelled.
    """
    gc.collect()
    gc.freeze()
    # Before the next one, a quarter of what this one keeps has to be new: a quarter of nothing.
    gc.collect()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _MIDDLE_COLLECTIONS)


def _complain(error: Exception) -> int:
    """One line on stderr, and the exit status: 2 for what the user told us, 1 for the machine."""
    print(f"talkpath: {error}", file=sys.stderr)
    return 2 if isinstance(error, SettingsError) else 1
