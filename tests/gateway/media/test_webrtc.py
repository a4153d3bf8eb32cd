"""A leg and real peers on loopback: what passes, and how it is agreed on again."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from client.python.levels import Samples
from gateway.core.candidate import IceCandidate
from gateway.core.playout import Playout
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.leg import LegState
from gateway.media.seams import Certificate
from gateway.media.webrtc import MAX_EARLY_CANDIDATES, WebRtcConfig, WebRtcLeg
from tests.client.tones import tone
from tests.gateway.media.peers import LOOPBACK, PATIENCE, Caller, GatewayEnd, Recorder

RATE = 24_000
RTP_CLOCK = 48_000


def beep(seconds: float = 0.3) -> Samples:
    return tone(seconds, RATE)


def without_candidates(offer: str) -> str:
    lines = offer.splitlines(keepends=True)
    return "".join(line for line in lines if "candidate" not in line)


def candidates_of(sdp: str) -> list[IceCandidate]:
    return [c for section in parse_sdp(sdp).media for c in section.candidates]


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayEnd]:
    end = GatewayEnd()
    yield end
    await end.leg.close()


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    peer = Caller()
    yield peer
    await peer.close()


@pytest_asyncio.fixture
async def data_caller() -> AsyncIterator[Caller]:
    peer = Caller(audio=False, label="oai-events")
    yield peer
    await peer.close()


# -- audio


async def test_the_caller_is_heard(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud(0.4)
    await said
    stats = gateway.leg.stats()
    assert stats.packets_received >= 20
    assert stats.concealed_percent == 0
    assert stats.loss_percent == 0


async def test_the_agent_is_heard_at_once_and_to_the_end(
    gateway: GatewayEnd, caller: Caller
) -> None:
    await caller.call(gateway)
    for item in ("first", "second"):
        asked_at = time.monotonic()
        gateway.say(beep().tobytes(), item)
        assert await caller.hears(asked_at) - asked_at < 0.2
        await gateway.session.until(lambda item=item: item in gateway.session.played)
        await caller.speaker.wait_quiet(0.3, PATIENCE, since=asked_at)
        assert caller.speaker.gaps(60.0, since=asked_at, until=time.monotonic()) == []
    assert gateway.session.played == ["first", "second"]
    assert gateway.session.drained >= 2

    # Each talkspurt is marked, and its timestamps tell how long the silence before it was.
    pairs = list(itertools.pairwise(caller.packets))
    assert {(b.sequence_number - a.sequence_number) % 2**16 for a, b in pairs} == {1}
    assert [packet.marker for packet in caller.packets].count(1) == 2
    assert caller.packets[0].marker
    steps = [((b.timestamp - a.timestamp) % 2**32, b.marker) for a, b in pairs]
    assert {step for step, marker in steps if not marker} == {RTP_CLOCK // 50}
    assert all(step > RTP_CLOCK // 50 for step, marker in steps if marker)


async def test_what_was_owed_before_the_path_opened_is_sent_then(
    gateway: GatewayEnd, caller: Caller
) -> None:
    gateway.say(beep().tobytes())
    assert gateway.playout.owed_samples == len(beep())
    started = time.monotonic()
    await caller.call(gateway)
    await caller.hears(started)


async def test_both_ends_learn_the_round_trip(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    gateway.say(tone(6.0, RATE).tobytes())
    await gateway.session.until(lambda: gateway.leg.stats().rtt_ms is not None)
    assert 0 <= (gateway.leg.stats().rtt_ms or 0) < 200
    assert gateway.leg.stats().remote_loss_percent == 0


async def test_strangers_are_not_heard(gateway: GatewayEnd, caller: Caller) -> None:
    answer = await caller.call(gateway)
    (candidate,) = candidates_of(answer)
    before = gateway.leg._rtp.rejected
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for first in range(256):
            stranger.sendto(bytes([first]) + bytes(40), (LOOPBACK, candidate.port))
        stranger.sendto(b"", (LOOPBACK, candidate.port))
    asyncio.get_running_loop().call_later(0.1, gateway.session._tell)
    await gateway.session.until(lambda: gateway.leg._rtp.rejected - before >= 64)
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said
    assert gateway.leg.state is LegState.CONNECTED


# -- data channels, sections that come later


async def test_text_passes_both_ways(gateway: GatewayEnd, data_caller: Caller) -> None:
    await data_caller.call(gateway)
    await data_caller.until(lambda: data_caller.channel.readyState == "open")
    data_caller.channel.send('{"type": "session.update"}')
    await gateway.session.until(lambda: bool(gateway.session.texts))
    assert gateway.session.texts == [("oai-events", '{"type": "session.update"}')]
    assert gateway.leg.data_open
    gateway.leg.send_data('{"type": "session.created"}')
    await data_caller.until(lambda: bool(data_caller.texts))
    assert data_caller.texts == ['{"type": "session.created"}']


async def test_a_channel_may_come_later(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    gateway.leg.send_data("nobody listens")
    assert not gateway.leg.data_open
    channel = caller.open_channel("late")
    await caller.renegotiate(gateway)
    await caller.until(lambda: channel.readyState == "open")
    channel.send("here I am")
    await gateway.session.until(lambda: bool(gateway.session.texts))
    assert gateway.session.texts == [("late", "here I am")]


async def test_audio_may_come_later(gateway: GatewayEnd, data_caller: Caller) -> None:
    answer = await data_caller.call(gateway)
    assert "m=audio" not in answer
    data_caller.add_audio()
    await data_caller.renegotiate(gateway)
    said = asyncio.create_task(data_caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said


async def test_an_offer_again_changes_nothing_that_runs(
    gateway: GatewayEnd, caller: Caller
) -> None:
    first = await caller.call(gateway)
    dtls, path = gateway.leg._dtls, gateway.leg._path._open
    offer = await caller.offer()
    assert gateway.leg.accepts(offer)
    second = await gateway.leg.answer(offer)
    await caller.accept(second)
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said
    assert (gateway.leg._dtls, gateway.leg._path._open) == (dtls, path)
    before, after = parse_sdp(first), parse_sdp(second)
    assert (after.session_id, after.version) == (before.session_id, before.version + 1)
    assert after.media == before.media
    assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]


async def test_hold_and_resume(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    offer = await caller.offer()
    gateway.say(beep().tobytes())
    held = await gateway.leg.answer(offer.replace("a=sendrecv", "a=inactive"))
    assert "a=inactive" in held
    heard, sent = len(gateway.session.pcm), gateway.leg.stats().packets_sent
    await caller.microphone.say(beep())
    assert gateway.session.played == [], "the agent waits"
    assert gateway.leg.stats().packets_sent == sent
    assert len(gateway.session.pcm) == heard, "nor does the session hear anything"
    resumed = await gateway.leg.answer(offer)
    assert "a=sendrecv" in resumed
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    assert gateway.leg.stats().packets_sent >= 15, "and says all of it"
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said


async def test_another_identity_needs_another_leg(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    stranger = Caller()
    assert not gateway.leg.accepts(await stranger.offer())
    await stranger.close()


# -- candidates


async def test_candidates_may_come_before_the_offer(gateway: GatewayEnd, caller: Caller) -> None:
    offer = await caller.offer()
    for candidate in candidates_of(offer):
        await gateway.leg.add_candidate(candidate)
    answer = await gateway.leg.answer(without_candidates(offer))
    assert len(gateway.leg._path._newest.remote_candidates) == len(candidates_of(offer))
    await caller.accept(answer)
    await gateway.session.until_state(LegState.CONNECTED)


async def test_candidates_may_come_after_the_answer_or_never(
    gateway: GatewayEnd, caller: Caller
) -> None:
    offer = await caller.offer()
    await caller.accept(await gateway.leg.answer(without_candidates(offer)))
    await gateway.session.until_state(LegState.CONNECTED)
    for candidate in candidates_of(offer):
        await gateway.leg.add_candidate(candidate)
    await gateway.leg.add_candidate(None)
    assert gateway.leg.state is LegState.CONNECTED


@pytest.mark.parametrize(
    "line",
    [
        "candidate:1 1 udp 2113937151 0b1c2d3e-0000-4000-8000-aaaaaaaaaaaa.local 54321 typ host",
        "candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "candidate:1 2 udp 2113937150 127.0.0.1 54321 typ host",
        "candidate:1 1 udp 2113937151 example.com 54321 typ host",
        "candidate:1 1 udp 2113937151 127.0.0.1 1 typ host",
    ],
)
async def test_useless_candidates_do_no_harm(
    gateway: GatewayEnd, caller: Caller, line: str
) -> None:
    useless = IceCandidate.parse(line)
    started = time.monotonic()
    for candidate in (useless, None):
        await gateway.leg.add_candidate(candidate)
    await caller.call(gateway)
    for candidate in (useless, None, useless):
        await gateway.leg.add_candidate(candidate)
    assert time.monotonic() - started < 1.0, "no name was resolved"
    assert gateway.leg.state is LegState.CONNECTED


async def test_a_flood_of_early_candidates_is_bounded(gateway: GatewayEnd) -> None:
    for port in range(1000, 2000):
        line = f"candidate:1 1 udp 1 127.0.0.1 {port} typ host"
        await gateway.leg.add_candidate(IceCandidate.parse(line))
    assert len(gateway.leg._early) == MAX_EARLY_CANDIDATES


async def test_early_candidates_are_of_the_first_generation_alone(
    gateway: GatewayEnd, caller: Caller
) -> None:
    offer = without_candidates(await caller.offer())
    line = "candidate:1 1 udp 1 127.0.0.1 5004 typ host"
    await gateway.leg.add_candidate(IceCandidate.parse(line))
    await gateway.leg.answer(offer)
    assert len(gateway.leg._path._newest.remote_candidates) == 1
    await gateway.leg.answer(offer.replace("a=ice-ufrag:", "a=ice-ufrag:new"))
    assert gateway.leg._path._newest.remote_candidates == []


async def test_a_candidate_waits_for_the_generation_it_names(
    gateway: GatewayEnd, caller: Caller
) -> None:
    offer = without_candidates(await caller.offer())
    await gateway.leg.answer(offer)
    line = "candidate:1 1 udp 1 127.0.0.1 5004 typ host ufrag later"
    await gateway.leg.add_candidate(IceCandidate.parse(line))
    assert gateway.leg._path._newest.remote_candidates == []
    ufrag = parse_sdp(offer).media[0].ice_ufrag
    await gateway.leg.answer(offer.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:later"))
    assert len(gateway.leg._path._newest.remote_candidates) == 1


# -- what an offer asks of ICE and DTLS


@pytest.mark.parametrize(("setup", "answered"), [("actpass", "active"), ("active", "passive")])
@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
async def test_either_end_may_begin_the_handshake(
    gateway: GatewayEnd, setup: str, answered: str, key: str
) -> None:
    certificate = rsa_certificate() if key == "rsa" else Certificate.generateCertificate()
    caller = Caller(certificate=certificate)
    offer = (await caller.offer()).replace("a=setup:actpass", f"a=setup:{setup}")
    answer = await gateway.leg.answer(offer)
    assert f"a=setup:{answered}" in answer
    await caller.accept(answer)
    await gateway.session.until_state(LegState.CONNECTED)
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said
    again = await gateway.leg.answer(await caller.offer())
    assert f"a=setup:{answered}" in again, "the roles stay what they are (RFC 8842 §5.5)"
    await caller.close()


def rsa_certificate() -> Certificate:
    """What phones and older gateways have; aiortc itself makes none."""
    key = rsa.generate_private_key(65_537, 2048)
    return Certificate(key=key, cert=generate_certificate(key))  # type: ignore[arg-type]


@pytest.mark.parametrize("under_way", [False, True])
async def test_a_new_generation_before_the_first_path_replaces_it(
    gateway: GatewayEnd, caller: Caller, under_way: bool
) -> None:
    offer = await caller.offer()
    ufrag = parse_sdp(offer).media[0].ice_ufrag
    await gateway.leg.answer(offer.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:gone"))
    if under_way:
        await gateway.session.until_state(LegState.CONNECTING)
    with capture_logs() as logs:
        await caller.accept(await gateway.leg.answer(offer))
        await gateway.session.until_state(LegState.CONNECTED)
    assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]
    assert "no ICE path" not in {entry["event"] for entry in logs}, "given up is not failed"


async def test_two_offers_at_once_are_answered_one_after_the_other(
    gateway: GatewayEnd, caller: Caller
) -> None:
    offer = await caller.offer()
    first, second = await asyncio.gather(gateway.leg.answer(offer), gateway.leg.answer(offer))
    assert (parse_sdp(first).version, parse_sdp(second).version) == (1, 2)
    assert parse_sdp(first).media == parse_sdp(second).media
    await caller.accept(second)
    await gateway.session.until_state(LegState.CONNECTED)


# -- offers that cannot be answered


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "v=0",
        "\0\0\0",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n",
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
    ],
)
async def test_a_bad_offer_is_refused_and_leaves_nothing(gateway: GatewayEnd, sdp: str) -> None:
    with pytest.raises(SdpError):
        await gateway.leg.answer(sdp)
    with pytest.raises(SdpError):
        gateway.leg.accepts(sdp)
    assert gateway.leg.state is LegState.NEW
    assert gateway.session.states == []


async def test_a_bad_offer_leaves_the_call_as_it_is(gateway: GatewayEnd, caller: Caller) -> None:
    offer = re.sub(r"(a=rtpmap:\d+ )\w+", r"\1speex", await caller.offer())
    with pytest.raises(SdpError):
        await gateway.leg.answer(offer)
    await caller.call(gateway)
    with pytest.raises(SdpError):
        await gateway.leg.answer(offer)
    said = asyncio.create_task(caller.microphone.say(beep(0.6)))
    await gateway.session.until_loud()
    await said


async def test_without_an_address_there_is_no_answer(caller: Caller) -> None:
    session = Recorder()
    config = WebRtcConfig(MediaAddresses(("192.0.2.123",)))
    leg = WebRtcLeg(config, session, Playout())
    with pytest.raises(SdpError, match="no address"):
        await leg.answer(await caller.offer())
    await leg.close()
