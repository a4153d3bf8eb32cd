"""Real browsers behind a path that loses packets: what they hear, and what is heard of them."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gateway.core.media_time import SAMPLE_RATE
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.audio import to_waveform
from gateway.media.leg import LegState
from gateway.media.resample import resample
from tests.browser import chromium, microphone_file
from tests.firefox import firefox
from tests.gateway.media.peers import GatewayEnd
from tests.listening_page import ListeningPage, Page, listening_page
from tests.lossy_relay import LossyRelay, every, lossy_relay, never
from tests.speech import JFK, JFK_WORDS, read_wav, silence, word_error_rate

HERTZ, LOUD = 440, 8_000
GAP = 0.060
"""Seconds. What is shorter, a listener's concealment bridges."""
QUIET = 0.1
"""Level, as a share of the loudest, below which there is a gap; the tone sinks to 0.2."""


def trembling_tone(seconds: float) -> bytes:
    """One tone, so that a click shows as a step; it trembles, for a steady one is no speech to
    the encoder, and gets no FEC.
    """
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return (LOUD * swell * np.sin(2 * np.pi * HERTZ * time)).astype("<i2").tobytes()


def steepness(samples: npt.NDArray[np.float64], rate: int) -> float:
    """The largest step from sample to sample, in units of the tone's steepest own."""
    return float(np.max(np.abs(np.diff(samples)))) / (LOUD / 32_768 * 2 * np.pi * HERTZ / rate)


def lowest_level(samples: npt.NDArray[np.float64], rate: int) -> float:
    """Of any stretch as long as a gap, as a share of the tone's loudest."""
    stretch = round(GAP * rate)
    power = np.convolve(samples**2, np.ones(stretch) / stretch, "valid")
    return float(np.sqrt(2 * power.min())) / (LOUD / 32_768)


def deepest_dip(samples: npt.NDArray[np.float64], rate: int) -> float:
    """The level of any 5 ms as a share of that 25 ms before and after; the tone's own is 0.71."""
    stretch, aside = round(0.005 * rate), round(0.025 * rate)
    levels = np.sqrt(np.convolve(samples**2, np.ones(stretch) / stretch, "valid"))
    around = (levels[: -2 * aside] + levels[2 * aside :]) / 2
    return float(np.min(levels[aside:-aside] / around))


@contextlib.asynccontextmanager
async def page_of(browser: str, folder: Path, *arguments: str) -> AsyncIterator[Page]:
    if browser == "firefox":
        async with firefox(folder) as page:
            yield page
    else:
        async with chromium(*arguments) as launched:
            yield await launched.new_page()


@contextlib.asynccontextmanager
async def call_of(
    page: Page, **wishes: bool
) -> AsyncIterator[tuple[GatewayEnd, LossyRelay, ListeningPage]]:
    gateway = GatewayEnd()
    try:
        async with lossy_relay() as relay, listening_page(page, gateway, relay) as listening:
            await listening.call(**wishes)
            await gateway.session.until_state(LegState.CONNECTED)
            yield gateway, relay, listening
    finally:
        await gateway.leg.close()


@pytest.mark.alone
@pytest.mark.timeout(60)
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_a_browser_that_reports_loss_gets_fec_without_a_gap_or_a_click(
    browser: str, tmp_path: Path
) -> None:
    async with page_of(browser, tmp_path) as page, call_of(page) as (gateway, relay, listening):
        down = relay.down
        down.jitter = 0.030
        # Over before the report that tells of it: what is heard of the change is the change.
        down.drops = lambda number: number < 90 and every(6)(number)
        gateway.say(trembling_tone(20.0))
        await gateway.session.until(lambda: gateway.leg.stats().sending_fec)
        await asyncio.sleep(1.2)
        lost_before = len(down.dropped_at)
        down.drops = every(8)
        await asyncio.sleep(4.0)
        down.drops = never
        await asyncio.sleep(0.3)
        heard, stats = await listening.heard(), await listening.stats()

    change = heard.between(down.dropped_at[lost_before - 1] + 0.4, down.dropped_at[lost_before])
    assert len(change) > 1.2 * heard.rate
    # With a new encoder for the new mode: a dip to 0.45, and in one of three calls a step of 2.8.
    assert steepness(change, heard.rate) < 1.3
    assert deepest_dip(change, heard.rate) > 0.58
    lossy = heard.between(down.dropped_at[lost_before], down.dropped_at[-1] + 0.2)
    assert lowest_level(lossy, heard.rate) > QUIET
    lost = len(down.dropped_at) - lost_before
    assert stats["fecPacketsReceived"] - stats["fecPacketsDiscarded"] > 0.3 * lost


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser()


def write_microphone(path: Path) -> None:
    """Speech at the rate of the browser's microphone, after a moment to connect in."""
    parts = (silence(0.5, 48_000), read_wav(JFK, 48_000), silence(1.0, 48_000))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.concatenate(parts).astype("<i2").tobytes())


@pytest.mark.timeout(60)
async def test_a_browser_that_prefers_red_is_heard_whole_though_packets_get_lost(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    microphone = tmp_path / "speech.wav"
    write_microphone(microphone)
    fake = ("--use-fake-ui-for-media-stream", *microphone_file(f"{microphone}%noloop"))
    async with (
        page_of("chromium", tmp_path, *fake) as page,
        call_of(page, red_first=True, microphone=True) as (gateway, relay, _),
    ):
        relay.up.drops = every(6)
        await gateway.session.until(lambda: gateway.session.seconds > 13, within=20)
        stats, window = gateway.leg.stats(), gateway.leg._rtp._window.stats

    lost = len(relay.up.dropped_at)
    assert lost > 80
    assert window.redundant >= 0.97 * lost
    assert stats.concealed_percent < 0.5
    samples = np.frombuffer(bytes(gateway.session.pcm), "<i2").astype(np.int16)
    text = recogniser.transcribe(to_waveform(resample(samples, SAMPLE_RATE, 16_000))).text
    assert word_error_rate(JFK_WORDS, text) <= 0.1, text
