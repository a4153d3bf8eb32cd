"""REDIS_URL."""

from __future__ import annotations

import pytest

from gateway.config import SettingsError, load_settings


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:hunter2@redis.internal:6380/1",
        "rediss://ann:hunter2@10.0.0.1",
        "unix:///run/redis.sock?db=1",
        "unix://:hunter2@/run/redis.sock",
    ],
)
def test_what_may_be_set(url: str) -> None:
    settings = load_settings(None, redis_url=url)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == url
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://:hunter2@host",
        "redis://",
        "redis://host:0",
        "redis://h:99999",
        "unix://",
    ],
)
def test_what_may_not(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, redis_url=url)
    assert str(caught.value).startswith("REDIS_URL: ")
    assert "hunter2" not in str(caught.value)
