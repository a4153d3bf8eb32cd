"""The version that runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def installed() -> str:
    """That of the package."""
    try:
        return version("talkpath")
    except PackageNotFoundError:  # run from its source, without being installed
        return "0+source"


VERSION: Final = installed()
