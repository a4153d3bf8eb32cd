"""The caller's end of the media path: one audio stream each way over aiortc."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.stats import RTCInboundRtpStreamStats, RTCRemoteInboundRtpStreamStats

from client.python.arrivals import pass_on_arrival
from client.python.connecting import Connecting, close_cleanly
from client.python.errors import ClientError
from client.python.loopback import gather_only_on

_OPUS_CLOCK = 48_000
_UNUSABLE = (
    InvalidAccessError,
    InvalidStateError,
    OperationError,
    # aiortc's SDP parser does not validate: it asserts, indexes and looks up.
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    ValueError,
)
_SETTLED = frozenset({"connected", "failed", "closed"})


@dataclass(frozen=True, slots=True)
class CallStats:
    """Media so far. `received`, `lost` and `late` are packets of the agent's voice: lost ones never
    came, late ones were overtaken by a later one and dropped. `sent_lost` is what the gateway
    reported missing of the caller's. Times in ms; `round_trip_ms` None before the first report."""

    received: int = 0
    lost: int = 0
    late: int = 0
    jitter_ms: float = 0.0
    sent_lost: int = 0
    round_trip_ms: float | None = None

    @property
    def loss_percent(self) -> float:
        expected = self.received + self.lost
        return 100.0 * (self.lost + self.late) / expected if expected else 0.0


class Peer:
    """One WebRTC connection: `offer`, then `accept` the answer, then `wait_connected`.

    `local_address`: the only address media may use; None for every interface's.
    Raises `ValueError` for an ICE server whose URL cannot be read.
    """

    def __init__(
        self,
        microphone: MediaStreamTrack,
        ice_servers: Sequence[Mapping[str, Any]],
        local_address: str | None,
    ) -> None:
        # Never None: without a configuration aiortc asks a public STUN server.
        servers = [_ice_server(server) for server in ice_servers]
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._connecting = Connecting(self._connection)
        self._transceiver = self._connection.addTransceiver(microphone, direction="sendrecv")
        # The microphone's packets are Opus (which every WebRTC peer has, RFC 7874), so nothing
        # else may be agreed upon.
        self._transceiver.setCodecPreferences(
            [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == "audio/opus"]
        )
        self._arrivals = pass_on_arrival(self._transceiver.receiver)
        if local_address is not None:
            ice = self._transceiver.receiver.transport.transport
            gather_only_on(ice.iceGatherer, local_address)
        self._settled = asyncio.Event()
        # aioice opens sockets while gathering that a close in the meantime does not see.
        self._gathering = asyncio.Lock()
        self._connection.on("connectionstatechange", self._on_state)

    @property
    def state(self) -> str:
        """W3C `connectionState`: new, connecting, connected, failed, closed."""
        return self._connection.connectionState

    @property
    def remote_track(self) -> MediaStreamTrack | None:
        """The agent's voice; None if the answer sends none."""
        return self._transceiver.receiver.track

    async def offer(self) -> tuple[str, list[dict[str, Any]]]:
        """The SDP offer without candidates, and the candidates to be trickled after it."""
        offer = await self._connection.createOffer()
        async with self._gathering:
            await self._connection.setLocalDescription(offer)
        gathered = self._connection.localDescription.sdp.splitlines()
        candidates = [
            {
                "candidate": line.removeprefix("a="),
                "sdpMid": self._transceiver.mid,
                "sdpMLineIndex": 0,
            }
            for line in gathered
            if line.startswith("a=candidate:")
        ]
        return offer.sdp, candidates

    async def accept(self, answer: str) -> None:
        """Apply the SDP answer. Raises `ClientError` `negotiation_failed`."""
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except _UNUSABLE as exc:
            raise ClientError(
                "negotiation_failed", f"unusable SDP answer ({type(exc).__name__}: {exc})"
            ) from exc

    async def wait_connected(self, within: float) -> None:
        """Until ICE and DTLS are up. Raises `ClientError` `media_failed`."""
        try:
            async with asyncio.timeout(within):
                await self._settled.wait()
        except TimeoutError:
            raise ClientError("media_failed", f"no media path after {within:g} s") from None
        if self.state != "connected":
            raise ClientError("media_failed", f"the media path is {self.state}")

    async def stats(self) -> CallStats:
        reports = (await self._connection.getStats()).values()
        inbound = [r for r in reports if isinstance(r, RTCInboundRtpStreamStats)]
        remote = [r for r in reports if isinstance(r, RTCRemoteInboundRtpStreamStats)]
        round_trips = [r.roundTripTime for r in remote if r.roundTripTime is not None]
        return CallStats(
            received=sum(r.packetsReceived for r in inbound),
            lost=sum(r.packetsLost for r in inbound),
            late=self._arrivals.late,
            jitter_ms=max((r.jitter for r in inbound), default=0) * 1000.0 / _OPUS_CLOCK,
            sent_lost=sum(r.packetsLost for r in remote),
            round_trip_ms=round_trips[0] * 1000.0 if round_trips else None,
        )

    async def close(self) -> None:
        async with self._gathering:
            await close_cleanly(self._connection, self._connecting)
        self._settled.set()

    def _on_state(self) -> None:
        if self.state in _SETTLED:
            self._settled.set()


def _ice_server(server: Mapping[str, Any]) -> RTCIceServer:
    """An `RTCIceServer` dictionary of W3C WebRTC, 4.2.4."""
    return RTCIceServer(
        urls=server["urls"], username=server.get("username"), credential=server.get("credential")
    )
