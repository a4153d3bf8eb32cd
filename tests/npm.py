"""The packages that `npm ci` installs, for tests that need some of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def installed(package: str) -> Path:
    """Where `package` is; skips the test without it."""
    folder = ROOT / "node_modules" / package
    if shutil.which("node") is None or not folder.is_dir():
        pytest.skip(f"needs node and the npm package {package} (npm ci)")
    return folder
