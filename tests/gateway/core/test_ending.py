"""Every cause has its sentence, its documentation, and a test that ends a session so."""

from pathlib import Path

import pytest

from gateway.core.ending import DISPLACED, Ending

ROOT = Path(__file__).parents[3]
HERE = Path(__file__)


@pytest.mark.parametrize("reason", [*Ending, DISPLACED])
def test_each_is_documented(reason: str) -> None:
    assert f"`{reason}`" in (ROOT / "docs" / "protocol.md").read_text()


@pytest.mark.parametrize("cause", Ending)
def test_each_is_seen_by_a_test(cause: Ending) -> None:
    written = (f'"{cause.value}"', f"Ending.{cause.name}")
    others = [path for path in (ROOT / "tests").rglob("test_*.py") if path != HERE]
    assert any(text in path.read_text() for path in others for text in written)
