"""A small real gateway for the client's tests: Socket.IO by the contract, and an aiortc peer.

When the caller has spoken and is quiet, the peer answers with a tone after a known delay. Like a
real gateway it sends packets only while it speaks, and only from a loopback address.
"""

import asyncio
import threading
import time
from typing import Any

import socketio
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from client.python.arrivals import pass_on_arrival
from client.python.connecting import Connecting, close_cleanly
from client.python.levels import Samples
from client.python.loopback import gather_only_on
from client.python.microphone import Microphone
from client.python.speaker import Speaker
from tests.client.tones import tone

ANSWER_RATE = 24_000
HANG_OVER = 0.2
"""Seconds of quiet after which the caller's turn is over."""


_PING_SECONDS = 0.1
"""The server's ping task sleeps this long past the end of its connection."""


class TalkspurtTrack(Microphone):
    """A microphone that sends nothing while it says nothing."""

    async def recv(self) -> Any:
        while True:
            speaking = self.speaking
            packet = await super().recv()
            if speaking:
                return packet


class ScriptedGateway:
    """Answers with what `failures` says (event -> code, message), else as the contract does."""

    def __init__(self) -> None:
        self.answer: Samples = tone(0.3, ANSWER_RATE, hertz=700.0)
        self.answer_delay = 0.1
        self.answers = True
        self.hang_up_after_answers: int | None = None
        self.failures: dict[str, tuple[str, str]] = {}
        self.silent_events: set[str] = set()
        self.ice_servers: list[dict[str, Any]] = []
        self.requests: list[tuple[Any, ...]] = []
        self.auth: list[Any] = []
        self.refusal: tuple[Any, ...] | None = None
        self.answer_starts: list[float] = []
        self.listener = Speaker()
        self.url = ""
        self._peers: list[tuple[RTCPeerConnection, Connecting]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._socket = socketio.AsyncServer(async_mode="aiohttp", ping_interval=_PING_SECONDS)
        self._socket.on("connect", self._on_connect)
        self._socket.on("*", self._on_event)
        self._stopping = asyncio.Event()
        self._answering = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        self._socket.attach(application)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        self._stopping.set()
        # An offer that came just before is answered to its end: what it starts is to be stopped.
        async with self._answering:
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer, connecting in self._peers:
            await close_cleanly(peer, connecting)
        await self._socket.shutdown()
        assert self._runner is not None
        await self._runner.cleanup()

    async def drop_clients(self) -> None:
        """End every Socket.IO connection from this side."""
        for sid in list(self._socket.manager.rooms.get("/", {}).get(None, {})):
            await self._socket.disconnect(sid)

    async def emit(self, event: str, *args: Any) -> None:
        await self._socket.emit(event, args)

    async def media_ended(self, within: float) -> None:
        """Until the caller has hung up, told by the media path alone."""
        async with asyncio.timeout(within):
            await asyncio.wait([self._listening])

    def requested(self, event: str) -> list[tuple[Any, ...]]:
        """The arguments of every `event` so far."""
        return [request[1:] for request in self.requests if request[0] == event]

    async def _on_connect(self, _sid: str, _environ: Any, auth: Any = None) -> None:
        self.auth.append(auth)
        if self.refusal is not None:
            raise socketio.exceptions.ConnectionRefusedError(*self.refusal)

    async def _on_event(self, event: str, _sid: str, *args: Any) -> Any:
        self.requests.append((event, *args))
        if event in self.silent_events:
            await self._stopping.wait()
        if event in self.failures:
            code, message = self.failures[event]
            return {"ok": False, "error": {"code": code, "message": message}}
        if event == "join_session":
            return self._join(args[0])
        if event == "webrtc_offer":
            async with self._answering:
                if self._stopping.is_set():
                    return {"ok": False, "error": {"code": "capacity", "message": "closing"}}
                answer = await self.answer_offer(args[0]["sdp"])
            return {"ok": True, "type": "answer", "sdp": answer}
        if event == "ice_candidate":
            await self.add_candidate(args[0])
        return {"ok": True}

    def _join(self, wishes: dict[str, Any]) -> dict[str, Any]:
        return {
            "ok": True,
            "sessionId": wishes.get("sessionId", "session-1"),
            "resumeToken": "resume-1",
            "userId": wishes.get("userId", "guest"),
            "iceServers": self.ice_servers,
            "agentSet": wishes.get("agentSet", "chat_supervisor"),
        }

    async def answer_offer(self, offer: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append((peer, Connecting(peer)))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        (transceiver,) = peer.getTransceivers()
        pass_on_arrival(transceiver.receiver)
        gather_only_on(transceiver.receiver.transport.transport.iceGatherer, "127.0.0.1")
        voice = TalkspurtTrack()
        peer.addTrack(voice)
        await peer.setLocalDescription(await peer.createAnswer())
        track = transceiver.receiver.track
        self._listening = asyncio.create_task(self.listener.consume(track))
        self._tasks.append(self._listening)
        self._tasks.append(asyncio.create_task(self._converse(voice)))
        return peer.localDescription.sdp

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        peer, _ = self._peers[-1]
        if candidate is None:
            await peer.addIceCandidate(None)
            return
        parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        parsed.sdpMid = candidate["sdpMid"]
        parsed.sdpMLineIndex = candidate["sdpMLineIndex"]
        await peer.addIceCandidate(parsed)

    async def _converse(self, voice: Microphone) -> None:
        since = time.monotonic()
        for number in range(1, 100):
            onset = await self.listener.wait_onset(since, 60.0)
            if onset is None:
                return
            await self.listener.wait_quiet(HANG_OVER, 60.0, since=onset)
            since = time.monotonic()
            if self.answers:
                await self._speak(voice, number)

    async def _speak(self, voice: Microphone, number: int) -> None:
        response = {"id": f"resp_{number}"}
        await self.emit("transcript", f"question {number}", "user")
        await self.emit("realtime_event", {"type": "response.created", "response": response})
        await asyncio.sleep(self.answer_delay)
        utterance = await voice.say(self.answer, ANSWER_RATE)
        self.answer_starts.append(utterance.start)
        await self.emit("realtime_event", {"type": "response.done", "response": response})
        await self.emit("transcript", f"answer {number}", "assistant")
        await self.emit("message", {"id": str(number), "role": "assistant", "content": "answer"})
        if number == self.hang_up_after_answers:
            await self.drop_clients()


class GatewayThread(threading.Thread):
    """A scripted gateway on a loop of its own, for a command that runs its own loop too."""

    def __init__(self) -> None:
        super().__init__(name="scripted-gateway")
        self.url = ""
        self._ready = threading.Event()

    def start(self) -> None:
        super().start()
        assert self._ready.wait(10.0)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self.join(10.0)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self.gateway = ScriptedGateway()
        await self.gateway.start()
        self.url = self.gateway.url
        self._ready.set()
        await self._done.wait()
        await self.gateway.stop()
