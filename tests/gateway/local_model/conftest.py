"""One model process for all tests here, and the models themselves for those that look inside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local_model.__main__ import READY
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.tts import HibariVoice, Voice

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The URL of the embedded model, running as a user would run it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.local_model", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"LOG_LEVEL": "warning"},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline().strip()
        assert line.startswith(READY), line
        yield line.removeprefix(READY)
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
        process.stdin.close()


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return load_recogniser()


@pytest.fixture(scope="session")
def spoken() -> Voice:
    return HibariVoice()
