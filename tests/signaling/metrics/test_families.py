"""Names as Prometheus wants them, and help for each."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry, Metric

from signaling.metrics.families import Families


def families() -> list[Metric]:
    registry = CollectorRegistry()
    Families(registry)
    return list(registry.collect())


@pytest.mark.parametrize("metric", families(), ids=lambda metric: metric.name)
def test_each_has_a_sane_name_and_help(metric: Metric) -> None:
    assert re.fullmatch(r"talkpath_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.documentation.endswith(".")
    assert metric.type in ("counter", "histogram")
    if metric.type == "histogram":
        assert metric.name.endswith("_seconds")
