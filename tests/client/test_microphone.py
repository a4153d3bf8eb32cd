"""What the microphone sends, decoded again, and when."""

import asyncio
import time

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from client.python.errors import ClientError
from client.python.levels import Samples, level_dbfs
from client.python.microphone import FRAME, FRAME_SECONDS, RATE, Microphone, Utterance
from tests.client.tones import tone


class Receiver:
    """Pulls a track as a sender does and decodes what it gives."""

    def __init__(self, microphone: Microphone) -> None:
        self.times: list[float] = []
        self.positions: list[int] = []
        self.frames: list[Samples] = []
        self._microphone = microphone
        self._decoder = av.CodecContext.create("libopus", "r")

    async def pull(self, frames: int) -> None:
        for _ in range(frames):
            packet = await self._microphone.recv()
            self.times.append(time.monotonic())
            assert packet.pts is not None
            self.positions.append(packet.pts)
            assert float(packet.time_base) == 1 / RATE
            (frame,) = self._decoder.decode(av.Packet(bytes(packet)))
            self.frames.append(frame.to_ndarray().reshape(-1).astype(np.int16))

    async def pull_until(self, done: "asyncio.Task[Utterance]") -> Utterance:
        while not done.done():
            await self.pull(1)
        return done.result()


async def test_frames_keep_the_pace_of_real_time() -> None:
    receiver = Receiver(Microphone())
    await receiver.pull(30)
    assert receiver.positions == list(range(0, 30 * FRAME, FRAME))
    lateness = [
        at - receiver.times[0] - index * FRAME_SECONDS for index, at in enumerate(receiver.times)
    ]
    # Neither a drift nor, but for a busy machine's late wake-ups, any jitter.
    first, last = sorted(lateness[5:15]), sorted(lateness[20:])
    assert last[5] - first[5] == pytest.approx(0, abs=0.005)
    assert last[5] - last[0] < 0.01


async def test_what_is_said_is_sent_between_silence() -> None:
    microphone = Microphone()
    receiver = Receiver(microphone)
    await receiver.pull(3)
    saying = asyncio.create_task(microphone.say(tone(0.25, 24_000), 24_000))
    await asyncio.sleep(0)
    utterance = await receiver.pull_until(saying)
    await receiver.pull(4)
    levels = [level_dbfs(frame) for frame in receiver.frames]
    loud = [index for index, level in enumerate(levels) if level > -30]
    # 12.5 frames of tone, 6.5 ms later by the encoder's look-ahead.
    assert loud == list(range(loud[0], loud[0] + 13))
    assert 3 <= loud[0] <= 5
    assert levels[0] < -80
    assert levels[-1] < -60
    assert len(utterance.frame_times) == 13
    assert utterance.end - utterance.start == pytest.approx(12 * FRAME_SECONDS, abs=0.015)


async def test_the_sent_time_is_that_of_the_frame() -> None:
    microphone = Microphone()
    receiver = Receiver(microphone)
    saying = asyncio.create_task(microphone.say(tone(0.1, RATE), RATE))
    await asyncio.sleep(0)
    utterance = await receiver.pull_until(saying)
    times = zip(utterance.frame_times, receiver.times[:5], strict=True)
    late = [received - sent for sent, received in times]
    assert min(late) >= 0
    # Another frame's time would be 20 ms off in all of them; a busy machine is late in some.
    assert min(late) < 0.005


def test_moments_of_an_utterance() -> None:
    utterance = Utterance((5.0, 5.02, 5.05))
    assert (utterance.start, utterance.end) == (5.0, 5.05)
    assert [utterance.sent_at(s) for s in (-1, 0, 0.019, 0.02, 0.059, 9)] == [
        5.0,
        5.0,
        5.0,
        5.02,
        5.05,
        5.05,
    ]


async def test_bytes_are_pcm16_and_nothing_is_an_error() -> None:
    microphone = Microphone()
    receiver = Receiver(microphone)
    saying = asyncio.create_task(microphone.say(tone(0.04, 16_000).tobytes(), 16_000))
    await asyncio.sleep(0)
    assert len((await receiver.pull_until(saying)).frame_times) == 2
    with pytest.raises(ValueError, match="nothing to say"):
        await microphone.say(b"")


async def test_utterances_take_turns_and_one_can_be_cut_short() -> None:
    microphone = Microphone()
    receiver = Receiver(microphone)
    first = asyncio.create_task(microphone.say(tone(60.0, RATE), RATE))
    second = asyncio.create_task(microphone.say(tone(0.06, RATE), RATE))
    await receiver.pull(4)
    assert microphone.speaking
    assert not second.done()
    first.cancel()
    utterance = await receiver.pull_until(second)
    assert first.cancelled()
    assert len(utterance.frame_times) == 3
    assert not microphone.speaking


async def test_stopping_ends_what_is_being_said_and_the_track() -> None:
    microphone = Microphone()
    receiver = Receiver(microphone)
    saying = asyncio.create_task(microphone.say(tone(60.0, RATE), RATE))
    await receiver.pull(2)
    microphone.stop()
    with pytest.raises(ClientError) as caught:
        await saying
    assert caught.value.code == "closed"
    with pytest.raises(MediaStreamError):
        await microphone.recv()
    with pytest.raises(ClientError):
        await microphone.say(tone(0.1, RATE), RATE)


async def test_a_short_stall_is_made_up_for_a_long_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("client.python.microphone.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("client.python.microphone.asyncio.sleep", sleep)
    microphone = Microphone()

    async def position() -> int:
        pts = (await microphone.recv()).pts
        assert pts is not None
        return pts // FRAME

    assert [await position() for _ in range(3)] == [0, 1, 2]
    assert np.allclose(slept, [0.02, 0.02])
    clock[0] += 0.1  # the fourth is due 20 ms after the third: four frames late
    assert [await position() for _ in range(6)] == [3, 4, 5, 6, 7, 8]
    assert np.allclose(slept[2:], [0.02])
    clock[0] += 10.0
    assert await position() == 508
