"""What real browsers record reaches the model as it was: through the page's library, the gateway
and its decoders.
"""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from client.python.levels import level_dbfs
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.firefox import firefox
from tests.gateways import running_gateway
from tests.stand_in import StandIn

RATE = 24_000
HERTZ = 400.0
SECONDS = 2.5

# Chunks are sent as they come, one behind the other; without a time slice there is one at the end.
RECORD = """async ({ mime, format, slice, microphone, seconds }) => {
    const { Talkpath } = await import('/client/talkpath.js');
    const talkpath = new Talkpath();
    await talkpath.connect();
    let stream;
    if (microphone) {
        const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
        stream = await navigator.mediaDevices.getUserMedia({ audio: raw });
    } else {
        const context = new AudioContext();
        await context.resume();
        const hum = new OscillatorNode(context, { frequency: 400 });
        const quiet = new GainNode(context, { gain: 0.25 });
        const wire = new MediaStreamAudioDestinationNode(context);
        hum.connect(quiet).connect(wire);
        hum.start();
        stream = wire.stream;
    }
    const recorder = new MediaRecorder(stream, { mimeType: mime });
    const chunks = [];
    const understood = [];
    let sent = Promise.resolve();
    recorder.ondataavailable = ({ data }) => {
        chunks.push(data);
        sent = sent.then(async () => understood.push(await talkpath.sendAudio(data, format)));
    };
    const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.start(slice ?? undefined);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    recorder.stop();
    await stopped;
    await sent;
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return { understood, sizes: chunks.map(({ size }) => size), recording: btoa(text) };
}"""


def by_ffmpeg(recording: bytes) -> npt.NDArray[np.int16]:
    """All of a recording at once, at 24 kHz mono, by what the gateway's streams do without."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(io.BytesIO(recording)) as file:
        pieces = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
    pieces += resampler.resample(None)
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])


def loudest_hz(samples: npt.NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


async def heard(page: Any, url: str, model: StandIn, **wishes: Any) -> None:
    """Record, and compare what the model was given with what was recorded."""
    await page.goto(url)
    result = await page.evaluate(RECORD, {"seconds": SECONDS, "slice": None, **wishes})
    if wishes.get("slice"):
        assert len(result["sizes"]) >= 5, "it came in chunks"
    assert {answer["format"] for answer in result["understood"]} == {wishes["format"]}
    recorded = by_ffmpeg(base64.b64decode(result["recording"]))
    assert abs(len(recorded) / RATE - SECONDS) < 0.5
    told = sum(answer["durationMs"] for answer in result["understood"])
    assert abs(told - 1000 * len(recorded) / RATE) < 60
    line = await model.line(0)
    given = np.frombuffer(await line.wait_for_audio(told * RATE // 1000), "<i2")
    assert abs(len(given) - len(recorded)) < 0.06 * RATE
    middle = slice(RATE // 2, 2 * RATE)
    assert loudest_hz(given[middle]) == pytest.approx(HERTZ, abs=2)
    assert level_dbfs(given[middle]) == pytest.approx(level_dbfs(recorded[middle]), abs=0.2)
    assert level_dbfs(given[middle]) == pytest.approx(level_dbfs(tone(1.0, RATE)), abs=1.0)


@pytest.mark.timeout(60)
async def test_chromium(tmp_path: Path) -> None:
    microphone = tmp_path / "tone.wav"
    with wave.open(str(microphone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(tone(2.0, 48_000).tobytes())
    async with chromium(*microphone_file(microphone)) as browser:
        for wishes in (
            {"mime": "audio/webm;codecs=opus", "format": "webm", "slice": 250},
            {"mime": "audio/webm;codecs=opus", "format": "webm"},
            {"mime": "audio/mp4", "format": "m4a"},
        ):
            async with StandIn() as model, running_gateway(model.url) as gateway:
                context = await browser.new_context(permissions=["microphone"])
                page = await context.new_page()
                await heard(page, gateway.url, model, microphone=True, **wishes)
                await context.close()


@pytest.mark.timeout(60)
async def test_firefox(tmp_path: Path) -> None:
    async with firefox(tmp_path) as page:
        for wishes in (
            {"mime": "audio/ogg;codecs=opus", "format": "ogg", "slice": 250},
            {"mime": "audio/webm;codecs=opus", "format": "webm", "slice": 250},
        ):
            async with StandIn() as model, running_gateway(model.url) as gateway:
                await heard(page, gateway.url, model, microphone=False, **wishes)
                await page.goto("about:blank")
