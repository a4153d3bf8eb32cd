"""Calls over Socket.IO alone, by the library, with the microphone and the speaker of Chromium."""

import asyncio
import base64
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from client.python.levels import Samples, level_dbfs
from tests.client.tones import tone
from tests.client.web.page_gateway import PATIENCE, PageGateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

RATE = 24_000
CHUNK_BYTES = 2 * RATE * 40 // 1000
FRAME = RATE // 50

START = """async (options) => {
    const { Talkpath } = await import('/client/talkpath.js');
    const talkpath = new Talkpath();
    Object.assign(window, { talkpath, told: [] });
    for (const name of ['error', 'microphone_lost', 'speaker_lost', 'call_state']) {
        talkpath.on(name, (data) => told.push([name, data.code ?? data.call ?? data.label ?? '']));
    }
    await talkpath.connect();
    if (options.mode) await talkpath.setMode(options.mode);
    await talkpath.startCall({ transport: 'pcm', processing: false });
}"""


async def start(page: Page, **options: Any) -> None:
    await page.evaluate(START, options)


async def until(page: Page, condition: str) -> None:
    await page.wait_for_function(condition, timeout=PATIENCE * 1000, polling=20)


def said(gateway: PageGateway) -> Samples:
    """What came in so far, but for the first chunks: the device settles."""
    return np.frombuffer(b"".join(gateway.requested("send_audio")[5:]), dtype="<i2")


async def speak(gateway: PageGateway, pcm: Samples, *, ahead: float = 0.3) -> None:
    """As a gateway sends an answer: 20 ms at a time, at most `ahead` s before they are played."""
    started = asyncio.get_running_loop().time()
    for number in range(len(pcm) // FRAME):
        due = started + number * 0.02 - ahead
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        frame = pcm[number * FRAME : (number + 1) * FRAME]
        await gateway.emit("audio_response", base64.b64encode(frame.tobytes()).decode())


async def test_sound_both_ways(page: Page, gateway: PageGateway) -> None:
    await start(page)
    await gateway.wait_for("send_audio", 30)
    chunks = gateway.requested("send_audio")
    assert {len(chunk) for chunk in chunks} == {CHUNK_BYTES}
    heard = said(gateway).astype(float)
    # The 400 Hz of the microphone, at its level, and nothing else.
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    peak = int(np.argmax(spectrum))
    assert peak * RATE / len(heard) == pytest.approx(400, abs=3)
    aside = np.delete(spectrum, slice(max(0, peak - 40), peak + 40))
    assert 20 * np.log10(spectrum[peak] / aside.max()) > 35
    assert level_dbfs(said(gateway)) == pytest.approx(level_dbfs(tone(1.0, RATE)), abs=0.5)
    assert await page.evaluate("() => talkpath.levels.microphone") == pytest.approx(-15.3, abs=1)

    speaking = asyncio.create_task(speak(gateway, tone(3.0, RATE)))
    await until(page, "() => talkpath.levels.agent > -17 && talkpath.phase === 'agent'")
    assert await page.evaluate("() => talkpath.remoteStream.getAudioTracks().length") == 1
    await speaking
    await until(page, "() => talkpath.levels.agent < -90")
    assert await page.evaluate("() => talkpath.playout.underruns") == 0
    await page.evaluate("() => talkpath.hangUp()")
    count = len(gateway.requested("send_audio"))
    await page.evaluate("() => talkpath.sendText('still there')")
    assert len(gateway.requested("send_audio")) == count
    told = await page.evaluate("() => told")
    assert told == [["call_state", state] for state in ("opening", "connected", "ended")]


async def test_a_cut_silences_what_is_queued(page: Page, gateway: PageGateway) -> None:
    await start(page)
    speaking = asyncio.create_task(speak(gateway, tone(1.0, RATE), ahead=1.0))
    await until(page, "() => talkpath.levels.agent > -17")
    await speaking
    await gateway.emit("audio_interrupted", {"itemId": "a1", "audioEndMs": 100})
    cut = asyncio.get_running_loop().time()
    await until(page, "() => talkpath.levels.agent < -90")
    assert asyncio.get_running_loop().time() - cut < 0.4

    # What a stopped answer still has on its way is not heard before the gateway has stopped it.
    await page.evaluate("() => { talkpath.interrupt(); }")
    await speak(gateway, tone(0.3, RATE), ahead=0.3)
    await until(page, "() => talkpath.levels.agent > -17")


async def test_push_to_talk_sends_one_turn_in_order(page: Page, gateway: PageGateway) -> None:
    await start(page, mode="push-to-talk")
    await page.evaluate("() => talkpath.sendText('nothing is heard yet')")
    assert gateway.names[-2:] == ["update_session", "send_text"]
    await page.evaluate("() => talkpath.pressToTalk()")
    await gateway.wait_for("send_audio", 10)
    await page.evaluate("() => talkpath.releaseToTalk()")
    await page.evaluate("() => talkpath.sendText('nor now')")
    names = gateway.names[gateway.names.index("clear_audio") :]
    chunks = len(gateway.requested("send_audio"))
    assert chunks >= 10
    assert names == ["clear_audio", *["send_audio"] * chunks, "commit_audio", "send_text"]
    assert level_dbfs(said(gateway)) > -20


async def test_what_is_said_while_the_connection_is_lost_arrives(
    page: Page, gateway: PageGateway, faults: list[str]
) -> None:
    await start(page)
    await gateway.wait_for("send_audio", 5)
    before = await page.evaluate("() => performance.now()")
    count = len(gateway.requested("send_audio"))
    gateway.away = True
    gateway.drop_connections()
    await until(page, "() => talkpath.callState === 'reconnecting'")
    await page.wait_for_timeout(1_500)
    assert len(gateway.requested("join_session")) == 1
    gateway.away = False
    await gateway.wait_for("join_session", 2)
    await until(page, "() => talkpath.callState === 'connected'")
    await page.evaluate("() => talkpath.sendText('back again')")
    elapsed = await page.evaluate("() => performance.now()") - before
    arrived = 40 * (len(gateway.requested("send_audio")) - count)
    assert elapsed > 1_500
    # A chunk whose acknowledgement was lost comes twice; none is missing.
    assert -100 < arrived - elapsed < 200
    chunks = gateway.requested("send_audio")[5:]
    assert min(level_dbfs(np.frombuffer(chunk, dtype="<i2")) for chunk in chunks) > -20
    assert any("WebSocket" in fault for fault in faults)
    faults.clear()


async def test_a_turn_that_ends_while_the_connection_is_lost_is_one_turn(
    page: Page, gateway: PageGateway, faults: list[str]
) -> None:
    await start(page, mode="push-to-talk")
    await page.evaluate("() => talkpath.pressToTalk()")
    await gateway.wait_for("send_audio", 10)
    gateway.away = True
    gateway.drop_connections()
    await until(page, "() => talkpath.callState === 'reconnecting'")
    await page.evaluate("() => { window.released = talkpath.releaseToTalk(); }")
    await until(page, "() => !talkpath.talking && talkpath.levels.microphone < -90")
    gateway.away = False
    await gateway.wait_for("commit_audio")
    await page.evaluate("() => released")
    await page.evaluate("() => talkpath.sendText('back again')")
    assert gateway.names[-3:] == ["send_audio", "commit_audio", "send_text"]
    assert gateway.names.count("commit_audio") == gateway.names.count("clear_audio") == 1
    faults.clear()


async def test_an_unplugged_microphone_is_told_and_replaced(
    page: Page, gateway: PageGateway
) -> None:
    await start(page)
    await gateway.wait_for("send_audio")
    await page.evaluate(
        """() => {
            const [track] = talkpath.microphoneStream.getAudioTracks();
            track.stop();
            track.dispatchEvent(new Event('ended'));
        }"""
    )
    await until(page, "() => told.some(([name]) => name === 'microphone_lost')")
    await until(page, "() => talkpath.levels.microphone > -20")
    gateway.requests.clear()
    await gateway.wait_for("send_audio", 10)
    assert level_dbfs(said(gateway)) > -20

    await page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = async () => {
                throw new DOMException('', 'NotFoundError');
            };
            talkpath.microphoneStream.getAudioTracks()[0].dispatchEvent(new Event('ended'));
        }"""
    )
    await until(page, "() => told.some(([name, code]) => code === 'microphone_lost')")


async def test_devices_are_changed_in_the_running_call(page: Page, gateway: PageGateway) -> None:
    await start(page)
    await gateway.wait_for("send_audio", 5)
    other = await page.evaluate(
        """async () => {
            const { listDevices } = await import('/client/talkpath.js');
            const { microphones, speakers } = await listDevices();
            await talkpath.setMicrophone(microphones.at(-1).deviceId);
            await talkpath.setSpeaker(speakers.at(-1).deviceId);
            const [track] = talkpath.microphoneStream.getAudioTracks();
            return track.getSettings().deviceId === microphones.at(-1).deviceId;
        }"""
    )
    assert other
    gateway.requests.clear()
    await gateway.wait_for("send_audio", 15)
    assert level_dbfs(said(gateway)) > -20
    speaking = asyncio.create_task(speak(gateway, tone(1.0, RATE)))
    await until(page, "() => talkpath.levels.agent > -17")
    await speaking
    # The chosen speaker is not among those that are left.
    await page.evaluate(
        """() => {
            navigator.mediaDevices.enumerateDevices = async () => [];
            navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
        }"""
    )
    await until(page, "() => told.some(([name]) => name === 'speaker_lost')")


async def test_a_recording_is_sent_as_what_it_is(page: Page, gateway: PageGateway) -> None:
    understood = await page.evaluate(
        """async () => {
            const { Talkpath } = await import('/client/talkpath.js');
            window.talkpath = new Talkpath();
            await talkpath.connect();
            await talkpath.clearAudio();
            const blob = new Blob([Uint8Array.of(1, 2, 3)], { type: 'audio/webm;codecs=opus' });
            const understood = await talkpath.sendAudio(blob);
            await talkpath.commitAudio();
            return understood;
        }"""
    )
    assert understood["sampleRate"] == RATE
    assert "ok" not in understood
    assert gateway.requested("send_audio") == [b"\1\2\3"]
    assert gateway.names == ["join_session", "clear_audio", "send_audio", "commit_audio"]
