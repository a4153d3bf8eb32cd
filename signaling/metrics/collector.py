"""What is read off the gateway when the page is asked for: calls pay nothing for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway.core.media_time import SAMPLE_RATE
from gateway.media.decoding import MAX_WAITING
from gateway.recording.recorder import MAX_QUEUED
from gateway.session_depths import QUEUES
from signaling.client import MAX_BACKLOG
from signaling.cluster.bus import MAX_QUEUED as REDIS_QUEUED
from signaling.loop_lag import BOUNDS
from signaling.sip.transactions import MAX_TRANSACTIONS
from signaling.version import VERSION
from signaling.watched import Watched

QUANTILES: Final = (0.5, 0.99, 1.0)


class GatewayCollector(Collector):
    """The parts of a gateway as they stand."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("talkpath_build_info", "Its version.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield from self._sessions()
        yield from self._queues()
        yield from self._loop()
        yield from self._rate_limits()
        yield from self._recorder()
        yield from self._webhooks()
        yield from self._sip()
        yield from self._cluster()

    def _sessions(self) -> Iterator[Metric]:
        sessions = self._watched.sessions
        live = GaugeMetricFamily("talkpath_sessions", "Live sessions.", labels=["door"])
        for door, count in sorted(Counter(session.door for session in sessions).items()):
            live.add_metric([door], count)
        yield live
        limit = sessions.defaults.max_sessions
        yield _gauge("sessions_limit", "MAX_SESSIONS; 0: none.", limit)
        yield _gauge("draining", "1: no more calls are taken.", sessions.draining)
        held = sum(leg.stats().packets_held for s in sessions if (leg := s.legs.measured))
        yield _gauge("jitter_buffer_packets", "Packets that wait behind a missing one.", held)
        owed = sum(session.parts.playout.owed_samples for session in sessions) / SAMPLE_RATE
        yield _gauge("playout_owed_seconds", "Of answers that callers have yet to hear.", owed)

    def _queues(self) -> Iterator[Metric]:
        text = "What waits in each kind of queue; its name says what is counted."
        depth = GaugeMetricFamily("talkpath_queue_depth", f"{text} Of all calls.", labels=["queue"])
        most = GaugeMetricFamily(
            "talkpath_queue_depth_max", f"{text} Of the call with most.", labels=["queue"]
        )
        limit = GaugeMetricFamily(
            "talkpath_queue_limit", "What fits into one queue of the kind.", labels=["queue"]
        )
        for name, (limit_of_one, depths) in self._depths().items():
            depth.add_metric([name], sum(depths))
            most.add_metric([name], max(depths, default=0))
            if limit_of_one is not None:
                limit.add_metric([name], limit_of_one)
        yield from (depth, most, limit)

    def _depths(self) -> dict[str, tuple[int | None, list[int]]]:
        watched, sessions = self._watched, list(self._watched.sessions)
        depths: dict[str, tuple[int | None, list[int]]] = {
            name: (queue.limit, [queue.depth(session) for session in sessions])
            for name, queue in QUEUES.items()
        }
        depths["socketio_events"] = (MAX_BACKLOG, watched.socketio.backlogs)
        depths["decoder_recordings"] = (MAX_WAITING, [watched.sessions.decoding_backlog])
        if watched.recorder is not None:
            depths["recorder_bytes"] = (MAX_QUEUED, [watched.recorder.stats.queued_bytes])
        if watched.sip is not None:
            depths["sip_transactions"] = (MAX_TRANSACTIONS, [watched.sip.stats.transactions])
        if watched.cluster is not None:
            depths["redis_messages"] = (REDIS_QUEUED, [watched.cluster.link.queued])
        return depths

    def _loop(self) -> Iterator[Metric]:
        count = self._watched.lag.count
        buckets, so_far = [], 0
        for bound, lags in zip((*map(str, BOUNDS), "+Inf"), count.counts, strict=True):
            so_far += lags
            buckets.append((bound, float(so_far)))
        yield HistogramMetricFamily(
            "talkpath_event_loop_lag_seconds",
            "How late the event loop called back, at 20 moments a second.",
            buckets=buckets,
            sum_value=count.total,
        )
        recent = GaugeMetricFamily(
            "talkpath_event_loop_lag_last_minute_seconds",
            "Quantiles of that over the last minute.",
            labels=["quantile"],
        )
        for share, lag in zip(QUANTILES, count.recent(QUANTILES), strict=True):
            recent.add_metric([f"{share:g}"], lag)
        yield recent

    def _rate_limits(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "talkpath_rate_limited",
            "Refused because their address, or user, sent too many.",
            labels=["kind"],
        )
        refused.add_metric(["http"], sum(each.refused for each in self._watched.rates))
        if self._watched.sip is not None:
            stats = self._watched.sip.stats
            refused.add_metric(["sip_messages"], stats.refused_messages)
            refused.add_metric(["sip_calls"], stats.refused_calls)
        yield refused

    def _recorder(self) -> Iterator[Metric]:
        if self._watched.recorder is None:
            return
        stats = self._watched.recorder.stats
        yield _gauge("recordings_live", "Calls being recorded.", stats.live)
        yield _counter("recordings_finished", "Recordings that are complete.", stats.finished)
        yield _counter(
            "recorder_dropped_seconds",
            "Of sound that was not recorded, because too much waited for the disk.",
            stats.dropped_samples / SAMPLE_RATE,
        )
        yield _counter(
            "recorder_lost_seconds",
            "Of sound that the disk did not take.",
            stats.lost_samples / SAMPLE_RATE,
        )
        yield _counter(
            "recorder_lost_lines", "Of events, lost for either reason.", stats.lost_lines
        )

    def _webhooks(self) -> Iterator[Metric]:
        if (sender := self._watched.webhooks) is None:
            return
        sent = CounterMetricFamily(
            "talkpath_webhooks", "Webhooks, by whether they were taken.", labels=["outcome"]
        )
        sent.add_metric(["ok"], sender.delivered)
        sent.add_metric(["error"], sender.failed)
        yield sent
        yield _counter("webhook_attempts", "How often it was tried.", sender.attempts)

    def _sip(self) -> Iterable[Metric]:
        if (sip := self._watched.sip) is None:
            return
        stats = sip.stats
        yield _gauge("sip_calls", "Dialogs of phones.", stats.calls)
        yield _gauge("sip_transactions", "Not forgotten yet.", stats.transactions)
        yield _gauge("sip_registrations", "Ways to phones that registered.", stats.registrations)
        trunks = GaugeMetricFamily(
            "talkpath_sip_trunk_state", "1: the trunk stands so.", labels=["trunk", "state"]
        )
        for name, state in sip.trunks.states.items():
            trunks.add_metric([name, state], 1)
        yield trunks

    def _cluster(self) -> Iterator[Metric]:
        if (cluster := self._watched.cluster) is None:
            return
        yield _gauge("redis_up", "1: Redis can be reached.", cluster.link.is_up)
        relayed = GaugeMetricFamily(
            "talkpath_relayed_clients",
            "Clients whose connection and whose session are at two gateways, by which is this.",
            labels=["end"],
        )
        relayed.add_metric(["client"], len(cluster.away))
        relayed.add_metric(["session"], len(cluster.visitors or ()))
        yield relayed


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"talkpath_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"talkpath_{name}", text, value=float(value))
