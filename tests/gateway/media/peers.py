"""The two ends of a WebRTC leg under test: a session that records, and a caller on loopback."""

from __future__ import annotations

import asyncio
import functools
import socket
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from aiortc import (
    RTCCertificate,
    RTCConfiguration,
    RTCDataChannel,
    RTCDtlsTransport,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.rtp import AnyRtcpPacket, RtcpByePacket, RtpPacket

from client.python.arrivals import pass_on_arrival
from client.python.connecting import Connecting, close_cleanly
from client.python.loopback import gather_only_on
from client.python.microphone import Microphone
from client.python.speaker import Speaker
from gateway.core.media_time import SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.media.addresses import MediaAddresses
from gateway.media.leg import Leg, LegState
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg

LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"
PATIENCE = 10.0
"""Seconds any wait of these tests may take; they fail then."""


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK_6, 0))
        except OSError:
            return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


class Recorder:
    """A session, as far as a leg knows one: remembers what it is told."""

    def __init__(self) -> None:
        self.states: list[LegState] = []
        self.pcm = bytearray()
        self.texts: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.played: list[str] = []
        self.drained = 0
        self._told = asyncio.Event()

    def on_audio(self, pcm: bytes) -> None:
        self.pcm += pcm
        self._tell()

    def on_dtmf(self, key: str) -> None:
        self.keys.append(key)
        self._tell()

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        self.states.append(state)
        self._tell()

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        self.played += item_ids
        self.drained += drained
        self._tell()

    def on_data_open(self, label: str) -> None:
        pass

    def on_data(self, label: str, message: str) -> None:
        self.texts.append((label, message))
        self._tell()

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()

    async def until(self, what: Callable[[], bool], within: float = PATIENCE) -> None:
        """Wait until ``what`` holds after something was told."""
        async with asyncio.timeout(within):
            while not what():
                await self._told.wait()

    async def until_state(self, state: LegState, within: float = PATIENCE) -> None:
        await self.until(lambda: state in self.states, within)

    @property
    def seconds(self) -> float:
        """Of audio heard from the caller."""
        return len(self.pcm) / 2 / SAMPLE_RATE

    def loudness(self, seconds: float = 0.5) -> float:
        """RMS of the last ``seconds``, in units of a sample."""
        samples = np.frombuffer(bytes(self.pcm), dtype="<i2")[-int(seconds * SAMPLE_RATE) :]
        return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if len(samples) else 0

    async def until_loud(self, seconds: float = 0.2, within: float = PATIENCE) -> None:
        """Wait for ``seconds`` of the caller's voice, from now on."""
        self.pcm.clear()
        await self.until(
            lambda: self.seconds >= seconds and self.loudness(seconds) > 500, within=within
        )


class GatewayEnd:
    """A leg with the session and the playout above it."""

    def __init__(self, config: WebRtcConfig | None = None, session: Recorder | None = None) -> None:
        self.session = session or Recorder()
        self.playout = Playout()
        self.leg = WebRtcLeg(config or loopback_config(), self.session, self.playout)

    def say(self, pcm: bytes, item_id: str = "item") -> None:
        """Owe the caller ``pcm``, as a session does."""
        assert self.playout.push(item_id, pcm)
        self.playout.finish(item_id)
        self.leg.wake()


def loopback_config() -> WebRtcConfig:
    return WebRtcConfig(MediaAddresses((LOOPBACK,)))


class Caller:
    """An aiortc peer on loopback with a microphone, a speaker, data channels or all of them.

    :param label: of the data channel it opens; None for none.
    :param certificate: in place of the one aiortc makes.
    :param address: of loopback, where its host candidates are.
    :param turn: a server that its only candidate is at, in the place of those.
    """

    def __init__(
        self,
        *,
        audio: bool = True,
        label: str | None = None,
        certificate: RTCCertificate | None = None,
        address: str = LOOPBACK,
        turn: RTCIceServer | None = None,
    ) -> None:
        self._address = None if turn else address
        self.connection = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[turn] if turn else [],
                iceTransportPolicy=(
                    RTCIceTransportPolicy.RELAY if turn else RTCIceTransportPolicy.ALL
                ),
            )
        )
        if certificate is not None:
            self.connection._RTCPeerConnection__certificates = [certificate]
        self._connecting = Connecting(self.connection)
        self.microphone = Microphone()
        self.speaker = Speaker()
        self.texts: list[str] = []
        self.packets: list[RtpPacket] = []
        self.reports: list[AnyRtcpPacket] = []
        self.channel: RTCDataChannel | None = None
        self._told = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.connection.on("connectionstatechange", self._tell)
        if audio:
            self.add_audio()
        if label is not None:
            self.open_channel(label)

    def add_audio(self) -> None:
        transceiver = self.connection.addTransceiver(self.microphone, direction="sendrecv")
        pass_on_arrival(transceiver.receiver)
        self._gather_on_one_address(transceiver.receiver.transport)
        self._tap(transceiver.receiver)
        self.connection.on("track", self._listen)

    def _gather_on_one_address(self, dtls: RTCDtlsTransport) -> None:
        if self._address is not None:
            gather_only_on(dtls.transport.iceGatherer, self._address)

    def _tap(self, receiver: RTCRtpReceiver) -> None:
        """Keep what the agent sends, and pass it on."""
        receive, report = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def on_rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            self.packets.append(packet)
            self._tell()
            await receive(packet, arrival_time_ms)

        async def on_rtcp(packet: AnyRtcpPacket) -> None:
            self.reports.append(packet)
            await report(packet)

        receiver._handle_rtp_packet, receiver._handle_rtcp_packet = on_rtp, on_rtcp

    def open_channel(self, label: str) -> RTCDataChannel:
        first = self.connection.sctp is None
        channel = self.connection.createDataChannel(label)
        if first:
            self._gather_on_one_address(self.connection.sctp.transport)
            self.channel = channel
        channel.on("open", self._tell)
        channel.on("close", self._tell)
        channel.on("message", self._on_message)
        return channel

    def _listen(self, track: object) -> None:
        consume = self.speaker.consume(track)  # type: ignore[arg-type]
        self._listening = asyncio.create_task(consume)

    def _on_message(self, message: str) -> None:
        self.texts.append(message)
        self._tell()

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()

    async def until(self, what: Callable[[], bool], within: float = PATIENCE) -> None:
        async with asyncio.timeout(within):
            while not what():
                await self._told.wait()

    @property
    def state(self) -> str:
        return self.connection.connectionState

    async def offer(self) -> str:
        """An SDP offer with its candidates."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def call(self, gateway: GatewayEnd) -> str:
        """Offer, accept, connect. Returns the answer."""
        answer = await gateway.leg.answer(await self.offer())
        await self.accept(answer)
        await gateway.session.until_state(LegState.CONNECTED)
        await self.until(lambda: self.state == "connected")
        return answer

    async def renegotiate(self, gateway: GatewayEnd) -> str:
        answer = await gateway.leg.answer(await self.offer())
        await self.accept(answer)
        return answer

    async def hears(self, since: float | None = None, within: float = PATIENCE) -> float:
        """The moment the agent is heard, ``time.monotonic()``."""
        onset = await self.speaker.wait_onset(since or time.monotonic(), within)
        assert onset is not None, "the agent was not heard"
        return onset

    def vanish(self) -> None:
        """Go without a word, as a killed browser does: nothing more is sent, not even a check."""
        self.pass_only(lambda datagram: False)

    def pass_only(self, wanted: Callable[[bytes], bool]) -> None:
        """Send from now on only the datagrams that are wanted; the others are lost."""

        def over(transport: asyncio.DatagramTransport) -> Callable[..., None]:
            send = functools.partial(type(transport).sendto, transport)
            return lambda data, addr=None: send(data, addr) if wanted(data) else None

        for dtls in self._dtls_transports():
            for protocol in dtls.transport.iceGatherer._connection._protocols:
                protocol.transport.sendto = over(protocol.transport)

    async def say_bye(self) -> None:
        """Say that the stream ends (RFC 3550 §6.6), and nothing else."""
        (sender,) = self.connection.getSenders()
        await sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])])

    def _dtls_transports(self) -> set[RTCDtlsTransport]:
        found = {t.receiver.transport for t in self.connection.getTransceivers()}
        return found | ({self.connection.sctp.transport} if self.connection.sctp else set())

    async def close(self) -> None:
        await close_cleanly(self.connection, self._connecting)
        self.microphone.stop()
        if self._listening is not None:
            # aiortc does not end a track whose handshake was never done.
            self._listening.cancel()
            await asyncio.wait([self._listening])
