"""A bridge between WebRTC and a Realtime model the way aiortc's own examples are written: what a
gateway is compared with.

`RTCPeerConnection` with its jitter buffer and codec threads, a resampler on the track that comes
in, a track that sleeps until its next frame is due, one WebSocket for each call. The only thing
that is not stock is the address: it gathers candidates on loopback, as all that is measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import signal
import time
from fractions import Fraction
from urllib.parse import urlencode

import av
from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from client.python.loopback import gather_only_on

RATE = 24_000
FRAME_SAMPLES = 480
_SAMPLE_BYTES = 2


class ModelVoice(MediaStreamTrack):
    """What the model said and was not sent yet; silence when there is nothing."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pending = bytearray()
        self._start: float | None = None
        self._timestamp = 0

    def add(self, pcm: bytes) -> None:
        self._pending += pcm

    def clear(self) -> None:
        self._pending.clear()

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        if self._start is None:
            self._start = time.time()
        else:
            self._timestamp += FRAME_SAMPLES
            await asyncio.sleep(self._start + self._timestamp / RATE - time.time())
        size = FRAME_SAMPLES * _SAMPLE_BYTES
        pcm = bytes(self._pending[:size]).ljust(size, b"\0")
        del self._pending[:size]
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = RATE
        frame.pts = self._timestamp
        frame.time_base = Fraction(1, RATE)
        return frame


class Bridge:
    """`POST /v1/realtime/calls?model=…` with an SDP offer; the model is at `model_url`."""

    def __init__(self, model_url: str) -> None:
        self._model_url = model_url
        self._peers: set[RTCPeerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free port of loopback. Returns the URL."""
        application = web.Application()
        application.router.add_post("/v1/realtime/calls", self.offer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End every call."""
        # Without its peer a call's task ends by itself. Cancelled in the middle of closing it,
        # it would leave aiortc's own tasks behind.
        await asyncio.gather(*(peer.close() for peer in self._peers))
        await asyncio.gather(*self._tasks)
        if self._runner is not None:
            await self._runner.cleanup()

    async def offer(self, request: web.Request) -> web.Response:
        offer = RTCSessionDescription(await request.text(), "offer")
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)
        voice = ModelVoice()
        peer.addTrack(voice)
        await peer.setRemoteDescription(offer)
        (transceiver,) = peer.getTransceivers()
        gather_only_on(transceiver.receiver.transport.transport.iceGatherer, "127.0.0.1")
        await peer.setLocalDescription(await peer.createAnswer())
        model = request.query.get("model", "")
        talk = asyncio.create_task(self._talk(peer, transceiver.receiver.track, voice, model))
        self._tasks.add(talk)
        talk.add_done_callback(self._tasks.discard)
        return web.Response(
            status=201, text=peer.localDescription.sdp, content_type="application/sdp"
        )

    async def _talk(
        self, peer: RTCPeerConnection, caller: MediaStreamTrack, voice: ModelVoice, model: str
    ) -> None:
        try:
            url = f"{self._model_url}?{urlencode({'model': model})}"
            async with connect(url, compression=None, max_size=None, proxy=None) as socket:
                listening = asyncio.create_task(self._listen(socket, voice))
                try:
                    await self._forward(caller, socket)
                finally:
                    listening.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await listening
        finally:
            await peer.close()
            self._peers.discard(peer)

    async def _forward(self, caller: MediaStreamTrack, socket: ClientConnection) -> None:
        """The caller's voice, until it or the model ends."""
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        with contextlib.suppress(MediaStreamError, ConnectionClosed):
            while True:
                frame = await caller.recv()
                assert isinstance(frame, av.AudioFrame)
                for piece in resampler.resample(frame):
                    pcm = bytes(piece.planes[0])[: piece.samples * _SAMPLE_BYTES]
                    audio = base64.b64encode(pcm).decode()
                    await socket.send(
                        json.dumps({"type": "input_audio_buffer.append", "audio": audio})
                    )

    async def _listen(self, socket: ClientConnection, voice: ModelVoice) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "response.output_audio.delta":
                    voice.add(base64.b64decode(event["delta"]))
                elif event["type"] == "input_audio_buffer.speech_started":
                    voice.clear()


async def serve(model_url: str) -> None:
    """Until SIGTERM or SIGINT. Prints where it listens when it does."""
    bridge = Bridge(model_url)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    print(f"Stock bridge ready on {await bridge.start()}", flush=True)
    await stopping.wait()
    await bridge.stop()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A stock aiortc bridge, to compare with.")
    parser.add_argument("--model-url", required=True, help="ws://… of the Realtime server")
    asyncio.run(serve(parser.parse_args(argv).model_url))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
