"""The packages that `npm ci` installs, for tests that need some of them."""

from __future__ import annotations

import json
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


def version(package: str) -> str:
    """Of an installed one, as its package.json says: SIP.js itself tells an older one."""
    about = json.loads((installed(package) / "package.json").read_text())
    return str(about["version"])
