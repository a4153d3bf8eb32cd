"""Figures of a run that never was."""

from typing import Any

from client.python.bench.figures import BargeIns, Figures, Recovery, Summary


def figures(**changes: Any) -> Figures:
    values: dict[str, Any] = {
        "profile": "rest",
        "calls": 20,
        "seconds": 20.0,
        "calls_lost": 0,
        "cpu_ms_per_call_s": 12.0,
        "calls_per_core": 66.7,
        "threads": 1,
        "rss_idle_mib": 90.0,
        "rss_mib": 100.0,
        "rss_per_call_kib": 512.0,
        "setup_ms": Summary(20, 30.0, 40.0, 41.0),
        "setup_cpu_ms": 7.0,
        "uplink_ms": Summary(400, 0.4, 5.1, 9.0),
        "uplink_missed": 0,
        "delivered": 1.0,
        "delivered_worst": 0.9996,
        "packets_lost": 0.0,
        "downlink_ms": Summary(100, 0.8, 1.9, 2.0),
        "downlink_missed": 0,
        "downlink_delivered": 1.0,
        "pacing_ms": Summary(1000, 0.1, 1.2, 3.0),
        "rtp_clock_error_ms": 1.7,
        "barge_in": BargeIns(
            Summary(9, 0.0, 1.2, 1.2), 1, Summary(10, 1.9, 2.2, 2.2), {"0": 9, "5": 1}, 0
        ),
        "recovery": Recovery(),
        "generator_cpu_ms_per_call_s": 6.0,
        "generator_lag_ms": Summary(20_000, 0.3, 1.6, 4.0),
    }
    return Figures(**{**values, **changes})
