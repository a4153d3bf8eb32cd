"""A page that calls and keeps every sample it hears; in any browser."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from aiohttp import web

from tests.gateway.media.peers import GatewayEnd
from tests.lossy_relay import LOOPBACK, LossyRelay

_RECORDER = """
registerProcessor('recorder', class extends AudioWorkletProcessor {
    process([[samples]]) {
        if (samples) this.port.postMessage(samples.slice());
        return true;
    }
});"""

# An offer without candidates: the gateway is reached through the relay alone.
_OFFER = """async ({ redFirst, microphone }) => {
    const context = new AudioContext();
    await context.resume();
    await context.audioWorklet.addModule('recorder.js');
    let track;
    if (microphone) {
        const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
        const stream = await navigator.mediaDevices.getUserMedia({ audio: raw });
        track = stream.getAudioTracks()[0];
    } else {
        const hum = new OscillatorNode(context, { frequency: 300 });
        const wire = new MediaStreamAudioDestinationNode(context);
        hum.connect(wire);
        hum.start();
        track = wire.stream.getAudioTracks()[0];
    }
    const pc = new RTCPeerConnection();
    const heard = { blocks: [], startedAt: 0, rate: context.sampleRate };
    globalThis.call = { pc, heard, context };
    pc.ontrack = ({ track }) => {
        const stream = new MediaStream([track]);
        const element = Object.assign(new Audio(), { srcObject: stream, muted: true });
        element.play();
        const source = context.createMediaStreamSource(stream);
        const recorder = new AudioWorkletNode(context, 'recorder');
        recorder.port.onmessage = ({ data }) => {
            heard.startedAt ||= Date.now() / 1000;
            heard.blocks.push(data);
        };
        source.connect(recorder);
        Object.assign(globalThis.call, { element, source, recorder });
    };
    const transceiver = pc.addTransceiver(track);
    if (redFirst) {
        const { codecs } = RTCRtpSender.getCapabilities('audio');
        const isRed = ({ mimeType }) => mimeType === 'audio/red';
        transceiver.setCodecPreferences([
            ...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]);
    }
    await pc.setLocalDescription();
    return pc.localDescription.sdp.replace(/^a=candidate:.*\\r\\n/gm, '');
}"""

_ACCEPT = "async (sdp) => { await call.pc.setRemoteDescription({ type: 'answer', sdp }); }"

_LISTENING = """async () => {
    while (!call.heard.blocks.length) await new Promise((resolve) => setTimeout(resolve, 20));
}"""

_HEARD = """async () => {
    const { blocks, startedAt, rate } = call.heard;
    const samples = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) for (const x of block) samples[at++] = Math.round(32767 * x);
    const bytes = new Uint8Array(samples.buffer);
    let text = '';
    for (let n = 0; n < bytes.length; n += 0x8000)
        text += String.fromCharCode(...bytes.subarray(n, n + 0x8000));
    return { samples: btoa(text), startedAt, rate };
}"""

_STATS = """async () => {
    const reports = [...(await call.pc.getStats()).values()];
    return reports.find(({ type }) => type === 'inbound-rtp') ?? {};
}"""

_HANG_UP = "async () => { call.pc.close(); await call.context.close(); }"


class Page(Protocol):
    """What a tab of a browser under test can do."""

    async def goto(self, url: str) -> Any: ...

    async def evaluate(self, function: str, argument: Any = None) -> Any: ...


@dataclass(frozen=True)
class Heard:
    """What a page heard: samples of ±1 at ``rate`` Hz, the first at ``started_at`` (Unix time)."""

    samples: npt.NDArray[np.float64]
    rate: int
    started_at: float

    def between(self, begin: float, end: float) -> npt.NDArray[np.float64]:
        """The samples of a stretch of Unix time."""
        first, last = (round((moment - self.started_at) * self.rate) for moment in (begin, end))
        return self.samples[max(first, 0) : max(last, 0)]


class ListeningPage:
    """A call of a page with a gateway's leg, through a relay."""

    def __init__(self, page: Page, gateway: GatewayEnd, relay: LossyRelay) -> None:
        self._page = page
        self._gateway = gateway
        self._relay = relay
        self.offer = self.answer = ""

    async def call(self, *, red_first: bool = False, microphone: bool = False) -> None:
        """Call, and return when the page keeps what it hears."""
        wishes = {"redFirst": red_first, "microphone": microphone}
        self.offer = await self._page.evaluate(_OFFER, wishes)
        self.answer = await self._gateway.leg.answer(self.offer)
        await self._page.evaluate(_ACCEPT, self._relay.divert(self.answer))

        await self._page.evaluate(_LISTENING)

    async def heard(self) -> Heard:
        told = await self._page.evaluate(_HEARD)
        samples = np.frombuffer(base64.b64decode(told["samples"]), "<i2") / 32_767
        return Heard(samples, told["rate"], told["startedAt"])

    async def stats(self) -> dict[str, Any]:
        """W3C ``RTCInboundRtpStreamStats``, as far as the browser fills them."""
        stats: dict[str, Any] = await self._page.evaluate(_STATS)
        return stats

    async def hang_up(self) -> None:
        await self._page.evaluate(_HANG_UP)


@contextlib.asynccontextmanager
async def listening_page(
    page: Page, gateway: GatewayEnd, relay: LossyRelay
) -> AsyncIterator[ListeningPage]:
    """``page``, on an origin that may use worklets and microphones; hung up at the end."""

    async def serve(request: web.Request) -> web.Response:
        if request.path == "/recorder.js":
            return web.Response(text=_RECORDER, content_type="text/javascript")
        return web.Response(text="<title>Listening</title>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        await page.goto(f"http://{LOOPBACK}:{runner.addresses[0][1]}/")
        listening = ListeningPage(page, gateway, relay)
        yield listening
        await listening.hang_up()
    finally:
        await runner.cleanup()
