"""One call by WebRTC, and all that looks on at it: metrics, health, traces, the log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from client.python import TalkpathClient
from gateway.sip_settings import parse_addresses
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.logs import json_log
from tests.otlp_receiver import OtlpReceiver
from tests.redis_server import needs_redis, running_redis
from tests.signaling.test_whole_call import RATE, calling, tone, voice
from tests.stand_in import StandIn

ROOT = Path(__file__).parents[2]
QUESTION, ANSWER = "My name is Zebedee.", "Hello there, Zebedee."
OPEN_METRICS = "application/openmetrics-text"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def page(gateway: Gateway, accept: str = "text/plain") -> str:
    headers = {"Accept": accept}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{gateway.url}/metrics", headers=headers) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == accept
        return await answer.text()


async def samples(gateway: Gateway) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(await page(gateway))
        for sample in family.samples
    }


async def health(gateway: Gateway) -> dict[str, object]:
    async with aiohttp.ClientSession() as http, http.get(f"{gateway.url}/health") as answer:
        return dict(await answer.json())


def value(page: Samples, name: str, **labels: str) -> float:
    return page[f"talkpath_{name}", frozenset(labels.items())]


@contextlib.asynccontextmanager
async def one_turn(gateway: Gateway, model: StandIn) -> AsyncIterator[TalkpathClient]:
    """A call in which the caller asked, and was answered, in words and by a tool."""
    async with calling(gateway.url) as (client, microphone, _):
        line = await model.line()
        await microphone.say(tone(0.3, RATE), RATE)
        await line.question(QUESTION)
        await line.answer(ANSWER, voice(0.4))
        await client.wait_for("message", lambda line: line["role"] == "assistant", since=0)
        await client.wait_for("call_stats", lambda stats: stats["packetsSent"] >= 20, since=0)
        await line.send("error", error={"type": "invalid_request_error", "code": "odd"})
        await client.wait_for("error", since=0)
        yield client


async def test_a_call_is_seen_by_all_that_look_on(
    model: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment=test")
        with json_log() as log:
            async with running_gateway(
                f"{model.url}?key=hush-hush",
                record_dir=tmp_path,
                sip_listen=parse_addresses("udp:127.0.0.1:0"),
            ) as gateway:
                async with one_turn(gateway, model) as client:
                    session_id = client.session_id
                    during, well = await samples(gateway), await health(gateway)
                after = await samples(gateway)
                open_page = await page(gateway, OPEN_METRICS)

    assert value(during, "sessions", door="socketio") == 1
    assert value(during, "calls_started_total", door="socketio") == 1
    assert value(during, "call_setup_seconds_count", door="socketio", part="media") == 1
    for stage in ("model", "first_delta", "first_packet"):
        assert value(during, "turn_stage_seconds_count", stage=stage) == 1
    assert value(during, "rtp_packets_total", fate="sent") >= 20
    assert value(during, "model_errors_total", code="odd") == 1
    assert value(during, "recordings_live") == 1
    assert value(during, "event_loop_lag_last_minute_seconds", quantile="0.99") > 0
    assert value(after, "calls_ended_total", door="socketio", reason="left") == 1
    assert ("talkpath_sessions", frozenset({("door", "socketio")})) not in after
    assert {family.name for family in open_metrics(open_page)} >= {"talkpath_calls_started"}

    assert well["status"] == "ok"
    assert well.keys() >= {"model", "sip", "recorder", "eventLoop"}
    assert gateway.sip is not None
    listening = [str(gateway.sip.addresses[0])]
    assert well["sip"] == {"listening": listening, "calls": 0, "registrations": 0}

    spans = {span.name: span for span in receiver.spans}
    assert spans.keys() == {"call", "turn", "model", "first delta", "first packet"}
    assert receiver.resource["service.name"] == "talkpath"
    assert receiver.resource["deployment"] == "test"
    assert spans["turn"].parent_span_id == spans["call"].span_id
    assert spans["model"].parent_span_id == spans["turn"].span_id

    # The test's own client logs in this process, too.
    records = [record for record in log.records if record["logger"] != "engineio.client"]
    assert [record["event"] for record in records if "session" not in record] == ["traces are sent"]
    assert {record["session"] for record in records[1:]} == {session_id}
    assert {"session started", "model error", "session ended"} <= {r["event"] for r in records}
    for secret in ("Zebedee", "hush-hush", "v=0", "ice-pwd"):
        assert secret not in log.text
        assert secret not in "".join(map(str, receiver.spans)) + open_page


async def test_a_gateway_whose_model_is_away_says_which_part_is_ill() -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        one_turn(gateway, model) as client,
    ):
        well = await health(gateway)
        (line,) = model.lines
        line.socket.transport.abort()
        await model.__aexit__(None, None, None)
        await client.wait_for("error", lambda e: e["code"] == "upstream_unavailable", since=0)
        ill = await health(gateway)
        lost = await samples(gateway)
    assert (well["status"], well.get("degraded")) == ("ok", None)
    assert (ill["status"], ill["degraded"]) == ("degraded", ["model"])
    assert ill["model"] == {"url": model.url, "state": "unreachable"}
    assert value(lost, "model_connections_lost_total") == 1
    assert value(lost, "model_reconnects_total") == 0


async def test_without_an_endpoint_no_trace_is_made() -> None:
    # The metrics of OpenTelemetry are loaded by redis-py, and that by python-socketio.
    code = (
        "import sys, signaling.app\n"
        "from signaling.traces import traces_of\n"
        "assert traces_of({}) is None\n"
        "unwanted = 'opentelemetry.sdk.trace', 'opentelemetry.exporter'\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await process.communicate()
    assert output.strip() == b"[]"


NAME = re.compile(r"\b(?:talkpath|process)_[a-z_]+\b")


@needs_redis
async def test_what_dashboard_and_documentation_ask_for_is_there(
    model: StandIn, tmp_path: Path
) -> None:
    with running_redis() as redis:
        async with running_gateway(
            model.url,
            record_dir=tmp_path,
            redis_url=redis.url,
            sip_webhook_url="http://127.0.0.1:9/",
            sip_webhook_secret="whsec_" + "c2VjcmV0" * 4,
        ) as gateway:
            families = list(text_string_to_metric_families(await page(gateway)))
    exported = set()
    for family in families:
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}
        exported |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text())
    asked = set()
    for panel in dashboard["panels"]:
        queries = [target["expr"] for target in panel.get("targets", ())]
        assert panel["type"] == "row" or queries, panel["title"]
        for query in queries:
            names = set(NAME.findall(query))
            assert names, query
            asked |= names
    for variable in dashboard["templating"]["list"]:
        asked |= set(NAME.findall(str(variable.get("query", ""))))
    assert asked <= exported, asked - exported

    told = set(NAME.findall((ROOT / "docs" / "observing.md").read_text()))
    names = {name for name in exported if name.startswith("talkpath_")}
    base = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    assert told <= exported | base, told - exported - base
    assert base <= told, base - told
