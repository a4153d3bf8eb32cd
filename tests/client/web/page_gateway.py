"""The gateway's side of the contract for tests of the page: each test plays it by hand.

It serves the page with the headers of a real gateway, acknowledges every event, keeps what it was
sent, and has a real aiortc peer on 127.0.0.1 that sends a tone and listens to the microphone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import socketio
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame

from client.python.loopback import gather_only_on

WEB_ROOT = Path(__file__).parents[3] / "client" / "web"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss: http: https:; media-src 'self' blob:; "
    "style-src 'self'; img-src 'self' data:"
)
LOUD_DBFS = -30.0
SILENT_DBFS = -60.0
PATIENCE = 15.0
"""Seconds any wait of these tests may take; they fail then."""


class Tone(AudioStreamTrack):
    """440 Hz at -9 dBFS while `loud`, else silence."""

    def __init__(self) -> None:
        super().__init__()
        self.loud = True
        self._position = 0

    async def recv(self) -> AudioFrame:
        silent = await super().recv()
        assert isinstance(silent, AudioFrame)
        if not self.loud:
            return silent
        at = np.arange(self._position, self._position + silent.samples) / silent.sample_rate
        self._position += silent.samples
        wave = (16_000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(wave[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = (
            silent.sample_rate,
            silent.pts,
            silent.time_base,
        )
        return frame


class MediaPeer:
    """One WebRTC leg: a tone down, and the level of what comes up."""

    def __init__(self) -> None:
        self.tone = Tone()
        self._heard = asyncio.Condition()
        self._heard_dbfs = -100.0
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._listening: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        return self._connection.connectionState

    async def answer(self, sdp: str) -> str:
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        (transceiver,) = self._connection.getTransceivers()
        gather_only_on(transceiver.receiver.transport.transport.iceGatherer, "127.0.0.1")
        self._connection.addTrack(self.tone)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        self._listening = asyncio.create_task(self._listen(transceiver.receiver.track))
        return self._connection.localDescription.sdp

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        if candidate is None:
            return
        parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = candidate["sdpMid"], candidate["sdpMLineIndex"]
        await self._connection.addIceCandidate(parsed)

    async def close(self) -> None:
        if self._listening:
            self._listening.cancel()
        await self._connection.close()

    async def hears_speech(self) -> None:
        """Once the microphone is loud."""
        await self._hears(lambda: self._heard_dbfs > LOUD_DBFS)

    async def hears_silence(self) -> None:
        await self._hears(lambda: self._heard_dbfs < SILENT_DBFS)

    async def _hears(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(reached)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            samples = frame.to_ndarray().astype(np.float64) / 32768
            async with self._heard:
                self._heard_dbfs = float(10 * np.log10(max(1e-10, float(np.mean(samples**2)))))
                self._heard.notify_all()


class PageGateway:
    """What the tests may set:

    `refusals`: event -> (code, message), the failure it is acknowledged with.
    `away`: no connection is answered, as if the network were down.
    `closed_door`: the message every connection is refused with.
    `deaf`: offers are answered, but no packet arrives.
    `answering`: cleared, offers wait for their answer.
    `understood`: what a `send_audio` is acknowledged with.
    `farewell`: the reason told when a client ends its session.
    """

    def __init__(self) -> None:
        self.url = ""
        self.session_id = "sess_1"
        self.farewell: str | None = None
        self.requests: list[tuple[str, Any]] = []
        self.tokens: list[Any] = []
        self.formats: list[Any] = []
        """What each `send_audio` named."""
        self.understood = {"format": "pcm16", "sampleRate": 24_000, "channels": 1, "durationMs": 40}
        self.refusals: dict[str, tuple[str, str]] = {}
        self.away = False
        self.closed_door: str | None = None
        self.deaf = False
        self.answering = asyncio.Event()
        self.answering.set()
        self.peer: MediaPeer | None = None
        self._peers: list[MediaPeer] = []
        self._transports: set[asyncio.Transport] = set()
        self._changed = asyncio.Condition()
        # Engine.IO's ping task of a closed connection ends only after the interval.
        self._server = socketio.AsyncServer(
            async_mode="aiohttp", async_handlers=False, ping_interval=0.1
        )
        self._server.on("connect", self._on_connect)
        self._server.on("*", self._on_event)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(middlewares=[self._remember_transport])
        app.router.add_get("/", self._page)
        app.router.add_static("/client", WEB_ROOT)
        self._server.attach(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        for peer in self._peers:
            await peer.close()
        await self._server.shutdown()
        if self._runner:
            await self._runner.cleanup()

    async def emit(self, event: str, *args: Any) -> None:
        await self._server.emit(event, args)

    async def realtime(self, kind: str, **fields: Any) -> None:
        await self.emit("realtime_event", {"type": kind, **fields})

    async def status(self, status: str, **more: Any) -> None:
        """`session_status`: how the session's way to its model stands."""
        told = {"status": status, "sessionId": self.session_id, "userId": "guest", **more}
        await self.emit("session_status", told)

    def drop_connections(self) -> None:
        """As a network does it: the transport goes, nobody says goodbye."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    def requested(self, event: str) -> list[Any]:
        """The payload of every `event` so far."""
        return [payload for name, payload in self.requests if name == event]

    @property
    def names(self) -> list[str]:
        """What was requested so far, but for candidates, whose number and moment vary."""
        return [name for name, _ in self.requests if name != "ice_candidate"]

    async def wait_for(self, event: str, count: int = 1) -> Any:
        """The payload of the `count`-th `event`, once it was requested."""
        await self._wait_until(lambda: len(self.requested(event)) >= count)
        return self.requested(event)[count - 1]

    async def wait_for_last_candidate(self) -> None:
        await self._wait_until(lambda: self.requested("ice_candidate")[-1:] == [None])

    async def _wait_until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(reached)

    @web.middleware
    async def _remember_transport(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.transport and request.path.startswith("/socket.io/"):
            if self.away:
                request.transport.abort()
            self._transports.add(request.transport)
        return await handler(request)

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.FileResponse(WEB_ROOT / "index.html", headers=headers)

    async def _on_connect(self, _sid: str, _environ: Any, auth: Any = None) -> None:
        self.tokens.append((auth or {}).get("token"))
        if self.closed_door is not None:
            raise socketio.exceptions.ConnectionRefusedError(self.closed_door)

    async def _on_event(self, event: str, _sid: str, *args: Any) -> dict[str, Any]:
        payload = args[0] if args else None
        async with self._changed:
            self.requests.append((event, payload))
            if event == "send_audio":
                self.formats.append(args[1])
            self._changed.notify_all()
        if event in self.refusals:
            code, message = self.refusals[event]
            return {"ok": False, "error": {"code": code, "message": message}}
        return {"ok": True, **await self._answer(event, payload)}

    async def _answer(self, event: str, payload: Any) -> dict[str, Any]:
        if event == "join_session":
            number = len(self.requested("join_session"))
            return {
                "sessionId": payload.get("sessionId", self.session_id),
                "resumeToken": f"resume_{number}",
                "userId": payload.get("userId", "guest"),
                "iceServers": [],
                "agentSet": "chat_supervisor",
            }
        if event == "webrtc_offer":
            await self.answering.wait()
            return {"type": "answer", "sdp": await self._new_leg(payload["sdp"])}
        if event == "send_audio":
            return self.understood
        if event == "disconnect_session" and self.farewell:
            await self.status("DISCONNECTED", reason=self.farewell)
        if event == "ice_candidate" and self.peer:
            await self.peer.add_candidate(payload)
        return {}

    async def _new_leg(self, offer: str) -> str:
        peer = MediaPeer()
        self._peers.append(peer)
        answer = await peer.answer(offer)
        if not self.deaf:
            self.peer = peer
            return answer
        # Neither side learns of an address: as if every packet were lost.
        lines = answer.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("a=candidate"))
