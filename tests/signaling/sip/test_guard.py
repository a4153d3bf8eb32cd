"""Scanners by their names."""

import pytest

from signaling.sip.guard import is_scanner


@pytest.mark.parametrize(
    ("name", "scans"),
    [
        ("friendly-scanner", True),
        ("SIPVicious 0.3", True),
        ("baresip v1.0.0", False),
        (None, False),
    ],
)
def test_scanners_are_known_by_name(name: str | None, scans: bool) -> None:
    assert is_scanner(name) is scans
