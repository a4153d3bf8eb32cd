"""A recording as the caller of a call: its utterances are said, the answers are waited for."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from client.python.client import TalkpathClient
from client.python.errors import ClientError
from client.python.heard import RATE
from client.python.levels import Samples
from client.python.microphone import Microphone, Utterance
from client.python.speaker import Speaker
from client.python.talkspurts import Talkspurt
from client.python.turns import Turn, measure_turn

_LEAD_IN_SECONDS = 0.5
"""Silence before the first word, and after a greeting: voice detection settles in it."""

_BEFORE_SPEECH = int(0.2 * RATE)
_AFTER_SPEECH = int(0.3 * RATE)
"""Samples of the recording's own background that are kept around an utterance sent by itself."""

_ANSWER_OVER_SECONDS = 1.0
"""Quiet after which an answer is over, if the model has no response under way."""

_LONGEST_ANSWER_SECONDS = 120.0


class Conversation:
    """One recording (PCM16 mono, 24 kHz) played to one call. `on_turn` is told of each turn.

    `answer_timeout`: seconds to wait for the first audio of an answer.
    """

    def __init__(
        self,
        client: TalkpathClient,
        microphone: Microphone,
        speaker: Speaker,
        *,
        answer_timeout: float,
        on_turn: Callable[[Turn], None],
    ) -> None:
        self._client = client
        self._microphone = microphone
        self._speaker = speaker
        self._answer_timeout = answer_timeout
        self._on_turn = on_turn
        self._said: list[tuple[Utterance, Samples]] = []
        self._responses: set[str] = set()
        client.on("realtime_event", self._follow_responses)

    async def take_turns(self, recording: Samples, talkspurts: Sequence[Talkspurt]) -> list[Turn]:
        """Say one talkspurt, wait until its answer is over, say the next.

        Raises `ClientError` `closed` if the gateway ends the call.
        """
        await self._speaker.wait_quiet(
            _LEAD_IN_SECONDS, self._answer_timeout, since=time.monotonic()
        )
        turns = []
        for number, spurt in enumerate(talkspurts, start=1):
            first = max(0, spurt.start - _BEFORE_SPEECH)
            utterance = await self._say(recording[first : spurt.end + _AFTER_SPEECH])
            start, end = _moments(utterance, spurt, first)
            await self._hear_answer(end)
            turns.append(measure_turn(self._speaker, number, start, end))
            self._on_turn(turns[-1])
        return turns

    async def play_through(self, recording: Samples, talkspurts: Sequence[Talkspurt]) -> list[Turn]:
        """Play all of it in real time, whatever is answered; the turns are measured at the end.

        Raises `ClientError` `closed` if the gateway ends the call.
        """
        utterance = await self._say(recording)
        moments = [_moments(utterance, spurt, 0) for spurt in talkspurts]
        await self._hear_answer(moments[-1][1])
        ends = [end for _, end in moments[1:]] + [float("inf")]
        turns = [
            measure_turn(self._speaker, number, start, end, until)
            for number, ((start, end), until) in enumerate(zip(moments, ends, strict=True), start=1)
        ]
        for turn in turns:
            self._on_turn(turn)
        return turns

    def caller_line(self, origin: float) -> Samples:
        """What was said, on a 24 kHz time line that begins at `origin` (monotonic seconds)."""
        placed = [(max(0, int((u.start - origin) * RATE)), samples) for u, samples in self._said]
        line = np.zeros(max((at + len(s) for at, s in placed), default=0), dtype=np.int16)
        for at, samples in placed:
            line[at : at + len(samples)] = samples
        return line

    async def _say(self, samples: Samples) -> Utterance:
        utterance = await self._microphone.say(samples, RATE)
        self._said.append((utterance, samples))
        return utterance

    async def _hear_answer(self, speech_end: float) -> None:
        """Until the answer to what ended at `speech_end` is over, or none has come in time."""
        waited = time.monotonic() - speech_end
        onset = await self._speaker.wait_onset(speech_end, max(0.0, self._answer_timeout - waited))
        if onset is not None:
            await self._answer_over(onset)
        if not self._client.connected:
            raise ClientError("closed", "the gateway ended the call")

    async def _answer_over(self, since: float) -> None:
        """Until nothing is heard and no response is under way (one that thinks is silent)."""
        deadline = time.monotonic() + _LONGEST_ANSWER_SECONDS
        while await self._speaker.wait_quiet(
            _ANSWER_OVER_SECONDS, deadline - time.monotonic(), since=since
        ):
            if not self._responses:
                return
            try:
                await self._client.wait_for("realtime_event", _is_done, self._answer_timeout)
            except ClientError:
                return
            since = time.monotonic()

    def _follow_responses(self, event: dict[str, object]) -> None:
        response = event.get("response")
        if not isinstance(response, dict):
            return
        if event.get("type") == "response.created":
            self._responses.add(str(response.get("id")))
        elif _is_done(event):
            self._responses.discard(str(response.get("id")))


def _is_done(event: dict[str, object]) -> bool:
    return event.get("type") == "response.done"


def _moments(utterance: Utterance, spurt: Talkspurt, first: int) -> tuple[float, float]:
    """When the talkspurt's first and last sample were sent, in an utterance that begins with sample
    `first` of the recording."""
    start = utterance.sent_at((spurt.start - first) / RATE)
    return start, utterance.sent_at((spurt.end - 1 - first) / RATE)
