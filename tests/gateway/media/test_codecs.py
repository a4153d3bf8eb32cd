"""Every codec in a stream, and in a call with Chromium."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from gateway.core.description import Codec
from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS
from gateway.core.negotiation import AudioAgreement
from gateway.core.rtp import RtpPacket, timestamp_delta
from gateway.core.sdp import parse_sdp
from gateway.media.codecs import CODECS
from gateway.media.leg import LegState
from tests.browser import chromium
from tests.gateway.media.peers import PATIENCE, GatewayEnd
from tests.gateway.media.signals import level_at, samples, tones
from tests.gateway.media.streams import BOTH_WAYS, End, alone, joined, speech
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop
from tests.net import VirtualNetwork

TELEPHONE = {"pcmu": 0, "pcma": 8, "g722": 9}
EVENT_TYPE = 101


def agreed(name: str) -> AudioAgreement:
    codec = Codec(name.upper(), TELEPHONE[name], 8_000, 1)
    return AudioAgreement("0", codec, codec.payload_type, True, True, telephone_event=EVENT_TYPE)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def speaking(name: str, *ends: End) -> None:
    for end in ends:
        end.stream.agree(agreed(name))


@pytest.mark.parametrize("name", TELEPHONE)
@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_the_time_line_is_unbroken(loop: VirtualLoop, name: str, loss: float) -> None:
    a, b = joined(loop, VirtualNetwork(7, loss=loss))
    speaking(name, a, b)
    frames = speech(200)
    a.say(frames)
    a.stream.send(frames[-1], 0, False)  # shows what was lost before it
    loop.advance(0.09)
    said = np.frombuffer(b"".join(frames), "<i2").astype(float)
    heard = b.samples()
    assert len(heard) // FRAME_SAMPLES in (200, 201)
    delays = [
        np.corrcoef(said[2_400 : -d or None], heard[2_400 + d : len(said)])[0, 1]
        for d in range(300)
    ]
    assert max(delays) > (0.9 if loss else 0.99)
    assert (b.stream.stats().concealed_percent > 1) == bool(loss)


@pytest.mark.parametrize("name", TELEPHONE)
def test_time_counts_at_8_khz(loop: VirtualLoop, name: str) -> None:
    a = alone(loop)
    speaking(name, a)
    a.stream.send(speech(1)[0], 0, True)
    a.stream.send(speech(1)[0], 0, False)
    a.stream.send(speech(1)[0], 24_000, True)
    first, second, third = a.rtp
    assert {p.payload_type for p in a.rtp} == {TELEPHONE[name]}
    assert {len(p.payload) for p in a.rtp} == {160}
    assert timestamp_delta(second.timestamp, first.timestamp) == 160
    assert timestamp_delta(third.timestamp, second.timestamp) == 8_160


def test_another_codec_in_mid_call_loses_no_time(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    frames = speech(50)
    for name in (None, "pcmu", "g722", None):
        for end in (a, b):
            end.stream.agree(agreed(name) if name else BOTH_WAYS)
        before = len(b.heard)
        a.say(frames)
        assert len(b.heard) - before == 50 * 2 * FRAME_SAMPLES
    sequence = [p.sequence for p in a.rtp]
    assert sequence == [(sequence[0] + n) & 0xFFFF for n in range(200)]
    assert b.stream.rejected == 0


def test_keys_are_told_and_are_no_holes(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    speaking("pcmu", a, b)
    a.say(speech(10))
    last = a.rtp[-1]
    for number in range(5):
        event = struct.pack("!BBH", 5, 0x80 * (number == 4), 160 * (number + 1))
        packet = RtpPacket(
            EVENT_TYPE,
            number == 0,
            (last.sequence + 1 + number) & 0xFFFF,
            (last.timestamp + 160) & 0xFFFFFFFF,
            last.ssrc,
            event,
        )
        b.stream.receive(packet.serialize())
        loop.advance(FRAME_SECONDS)
    assert b.keys == ["5"]
    assert b.stream.rejected == 0
    assert b.stream.stats().concealed_percent == 0


def test_a_payload_that_cannot_be_is_not_played() -> None:
    assert CODECS["pcmu"].duration_of(b"x" * 960) == 960
    assert CODECS["pcmu"].duration_of(b"x" * 961) == 0


# -- Chromium


class Phone:
    """A page that sends two tones and can be told which codec to offer."""

    OFFER = """async ({ codec }) => {
        if (!globalThis.pc) {
            const context = new AudioContext();
            await context.resume();
            const wire = new MediaStreamAudioDestinationNode(context);
            for (const frequency of [1000, 5500]) {
                const oscillator = new OscillatorNode(context, { frequency });
                oscillator.connect(new GainNode(context, { gain: 0.2 })).connect(wire);
                oscillator.start();
            }
            const pc = new RTCPeerConnection();
            const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
            pc.ontrack = ({ track }) => {
                const stream = new MediaStream([track]);
                globalThis.speaker = Object.assign(new Audio(), { srcObject: stream, muted: true });
                speaker.play();
                context.createMediaStreamSource(stream).connect(analyser);
            };
            const transceiver = pc.addTransceiver(wire.stream.getAudioTracks()[0]);
            Object.assign(globalThis, { pc, context, analyser, transceiver });
        }
        const { codecs } = RTCRtpReceiver.getCapabilities('audio');
        const wanted = ({ mimeType }) =>
            [`audio/${codec}`, 'audio/telephone-event'].includes(mimeType.toLowerCase());
        transceiver.setCodecPreferences(codecs.filter(wanted));
        await pc.setLocalDescription();
        if (pc.iceGatheringState !== 'complete') {
            await new Promise((done) => { pc.onicegatheringstatechange = () =>
                pc.iceGatheringState === 'complete' && done(); });
        }
        return pc.localDescription.sdp;
    }"""
    ACCEPT = "async (sdp) => pc.setRemoteDescription({ type: 'answer', sdp })"
    LEVELS = """() => {
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const near = (hertz) => {
            const at = Math.round(hertz * analyser.fftSize / context.sampleRate);
            return Math.max(...bins.slice(at - 3, at + 4));
        };
        return [near(1000), near(5500)];
    }"""

    def __init__(self, page: Page, gateway: GatewayEnd) -> None:
        self.page = page
        self.gateway = gateway
        self.answers = 0

    async def offer(self, codec: str) -> None:
        answer = await self.gateway.leg.answer(
            await self.page.evaluate(self.OFFER, {"codec": codec})
        )
        (section,) = parse_sdp(answer).media
        assert section.codecs[0].is_named(codec)
        assert section.codecs[-1].is_named("telephone-event")
        await self.page.evaluate(self.ACCEPT, answer)
        await self.gateway.session.until_state(LegState.CONNECTED)

    async def hears(self, *, wideband: bool) -> None:
        """The agent speaks in two tones; the page's spectrum tells which came through."""
        self.answers += 1
        voice = tones(1_000, 5_500, seconds=3.0).astype("<i2").tobytes()
        self.gateway.say(voice, f"answer {self.answers}")
        above = "high > -50" if wideband else "high < -70"
        await self.page.wait_for_function(
            f"() => {{ const [low, high] = ({self.LEVELS})(); return low > -40 && {above}; }}"
        )

    async def is_heard(self, *, wideband: bool) -> None:
        session = self.gateway.session
        session.pcm.clear()
        await session.until(lambda: session.seconds > 1.0)
        heard = samples(bytes(session.pcm))[-12_000:]
        assert level_at(heard, 1_000) > 2_000
        assert (level_at(heard, 5_500) > 1_500) == wideband
        assert wideband or level_at(heard, 5_500) < 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest.mark.asyncio(loop_scope="module")
async def test_chromium_speaks_each_of_them_in_one_call(browser: Browser) -> None:
    gateway = GatewayEnd()
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    phone = Phone(page, gateway)
    try:
        for codec in ("pcmu", "opus", "g722", "pcma"):
            wideband = codec in ("opus", "g722")
            await phone.offer(codec)
            await phone.is_heard(wideband=wideband)
            await phone.hears(wideband=wideband)
        await page.evaluate("() => transceiver.sender.dtmf.insertDTMF('42#', 100, 50)")
        await gateway.session.until(lambda: gateway.session.keys == ["4", "2", "#"])
        assert gateway.leg.stats().packets_late == 0
    finally:
        await page.close()
        await gateway.leg.close()
