"""Data channels over DTLS and SCTP, joined in memory: no ICE, no socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiortc import (
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from gateway.core.description import Fingerprint
from gateway.core.negotiation import MAX_MESSAGE_SIZE, DataAgreement
from gateway.media import data_channels
from gateway.media.data_channels import MAX_BUFFERED_BYTES, MAX_CHANNELS, DataChannels
from gateway.media.seams import Certificate, DtlsCarrier, dtls_over, dtls_parameters

PATIENCE = 10.0
CERTIFICATE = Certificate.generateCertificate()
AGREEMENT = DataAgreement(mid="0", sctp_port=5000, max_message_size=100_000)


class Wire:
    """Carries datagrams from one DTLS transport to another, until it is cut."""

    def __init__(self) -> None:
        self.cut = False
        self.carriers = (DtlsCarrier(self._to(1)), DtlsCarrier(self._to(0)))
        self.ends = (self._dtls(0, "client"), self._dtls(1, "server"))

    def _to(self, end: int) -> Callable[[bytes], bool]:
        def send(data: bytes) -> bool:
            if not self.cut:
                asyncio.get_running_loop().call_soon(self.carriers[end].deliver, data)
            return True

        return send

    def _dtls(self, end: int, role: str) -> RTCDtlsTransport:
        return dtls_over(self.carriers[end], CERTIFICATE, role)

    async def connect(self) -> None:
        fingerprint = CERTIFICATE.getFingerprints()[0]
        parameters = dtls_parameters([Fingerprint(fingerprint.algorithm, fingerprint.value)])
        await asyncio.gather(*(dtls.start(parameters) for dtls in self.ends))

    async def close(self) -> None:
        for dtls, carrier in zip(self.ends, self.carriers, strict=True):
            await dtls.stop()
            carrier.close()


class Both:
    """A leg's data channels, and the caller's association with them."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.texts: list[tuple[str, str]] = []
        self.ours = DataChannels(self.wire.ends[0], self._on_text)
        self.caller = RTCSctpTransport(self.wire.ends[1])
        self.heard: list[tuple[str, object]] = []
        self._told = asyncio.Event()

    async def start(self) -> None:
        await self.wire.connect()
        await self.ours.start(AGREEMENT)
        await self.caller.start(RTCSctpCapabilities(maxMessageSize=0), 5000)

    def _on_text(self, label: str, message: str) -> None:
        self.texts.append((label, message))
        self._tell()

    def open(self, label: str = "oai-events") -> RTCDataChannel:
        channel = RTCDataChannel(self.caller, RTCDataChannelParameters(label=label))
        channel.on("open", self._tell)
        channel.on("close", self._tell)

        def heard(message: object) -> None:
            self.heard.append((label, message))
            self._tell()

        channel.on("message", heard)
        return channel

    async def opened(self, label: str = "oai-events") -> RTCDataChannel:
        channel = self.open(label)
        await self.until(lambda: channel.readyState == "open" and self.ours.is_open)
        return channel

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not what():
                await self._told.wait()

    async def close(self) -> None:
        self.wire.cut = True
        await self.ours.close()
        await self.caller.stop()
        await self.wire.close()


@pytest_asyncio.fixture
async def both() -> AsyncIterator[Both]:
    made = Both()
    await made.start()
    yield made
    await made.close()


async def test_text_passes_both_ways(both: Both) -> None:
    assert not both.ours.is_open
    channel = await both.opened("oai-events")
    channel.send("from the caller")
    await both.until(lambda: bool(both.texts))
    both.ours.send("from the gateway ☎")
    await both.until(lambda: bool(both.heard))
    assert both.texts == [("oai-events", "from the caller")]
    assert both.heard == [("oai-events", "from the gateway ☎")]


async def test_only_texts_of_the_announced_size_are_told(both: Both) -> None:
    channel = await both.opened()
    for message in (b"bytes", "x" * (MAX_MESSAGE_SIZE + 1), "", "x" * MAX_MESSAGE_SIZE, "end"):
        channel.send(message)
    await both.until(lambda: ("oai-events", "end") in both.texts)
    assert [len(text) for _, text in both.texts] == [0, MAX_MESSAGE_SIZE, 3]


async def test_without_a_channel_nothing_is_sent(both: Both) -> None:
    both.ours.send("nobody listens")
    await both.opened()
    both.ours.send("now")
    await both.until(lambda: bool(both.heard))
    assert both.heard == [("oai-events", "now")]


async def test_a_message_too_large_for_the_caller_is_dropped(both: Both) -> None:
    await both.opened()
    both.ours.send("x" * (AGREEMENT.max_message_size + 1))
    both.ours.send("x" * AGREEMENT.max_message_size)
    await both.until(lambda: bool(both.heard))
    assert [len(str(text)) for _, text in both.heard] == [AGREEMENT.max_message_size]


async def test_a_caller_that_reads_nothing_costs_a_bounded_amount(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(data_channels.log, "warning", lambda event, **why: warnings.append(event))
    channel = await both.opened()
    both.wire.cut = True
    for _ in range(100):
        both.ours.send("x" * 50_000)
    waiting = both.ours._channels[0].bufferedAmount
    assert MAX_BUFFERED_BYTES < waiting <= MAX_BUFFERED_BYTES + 50_000
    assert len(warnings) == 1
    assert channel.readyState == "open"


async def test_the_first_channel_that_is_open_is_the_callers(both: Both) -> None:
    first, _ = await both.opened("first"), await both.opened("second")
    both.ours.send("1")
    await both.until(lambda: ("first", "1") in both.heard)
    first.close()
    await both.until(lambda: first.readyState == "closed")
    both.ours.send("2")
    await both.until(lambda: ("second", "2") in both.heard)
    assert len(both.heard) == 2


async def test_two_channels_of_one_name_are_two(both: Both) -> None:
    first, second = await both.opened("same"), await both.opened("same")
    second.close()
    await both.until(lambda: second.readyState == "closed")
    first.send("still here")
    await both.until(lambda: bool(both.texts))
    assert both.ours.is_open


async def test_a_caller_opens_so_many_channels_and_no_more(both: Both) -> None:
    channels = [both.open(f"channel {n}") for n in range(MAX_CHANNELS + 3)]
    await both.until(lambda: sum(c.readyState == "closed" for c in channels) == 3)
    assert [c.readyState for c in channels[:MAX_CHANNELS]] == ["open"] * MAX_CHANNELS
    assert len(both.ours._channels) == MAX_CHANNELS


async def test_starting_again_changes_nothing(both: Both) -> None:
    channel = await both.opened()
    await both.ours.start(AGREEMENT)
    channel.send("as before")
    await both.until(lambda: bool(both.texts))


async def test_when_dtls_ends_there_is_no_channel(both: Both) -> None:
    await both.opened()
    closed = asyncio.Event()
    both.wire.ends[0].on("statechange", closed.set)
    await both.wire.ends[1].stop()
    async with asyncio.timeout(PATIENCE):
        await closed.wait()
    assert not both.ours.is_open
    both.ours.send("too late")


async def test_closing_closes_the_channels(both: Both) -> None:
    channel = await both.opened()
    await both.ours.close()
    await both.until(lambda: channel.readyState == "closed")
    assert not both.ours.is_open
    assert both.ours._channels == []
