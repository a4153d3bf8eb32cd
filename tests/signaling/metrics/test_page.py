"""The page over HTTP; what is on it is in test_observing.py."""

from __future__ import annotations

import aiohttp
import pytest

from signaling.app import Gateway


@pytest.mark.parametrize(
    ("accept", "kind", "last"),
    [
        ("*/*", "text/plain", "process_max_fds"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", "# EOF"),
    ],
)
async def test_it_is_served_as_it_is_asked_for(
    gateway: Gateway, accept: str, kind: str, last: str
) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{gateway.url}/metrics", headers={"Accept": accept}) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == kind
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
    assert text.splitlines()[-1].startswith(last)
    assert "_created" not in text
