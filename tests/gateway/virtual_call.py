"""A conversation in virtual time: server events in, client events and session events out."""

import base64
from typing import Any

from gateway.conversation import Conversation
from gateway.core import events as out
from gateway.core.media_time import FRAME_SAMPLES
from gateway.core.playout import Playout

SECOND = 24_000


class Call:
    """A conversation with a caller who listens for as long as the test says."""

    def __init__(self) -> None:
        self.playout = Playout()
        self.sent: list[dict[str, Any]] = []
        self.told: list[out.SessionEvent] = []
        self.now = 0.0
        self.conversation = Conversation(
            self.playout, self.sent.append, self.told.append, lambda: int(self.now * 1000)
        )
        self.conversation.audible = True
        self.conversation.agent_name = "front"

    def server(self, kind: str, **fields: Any) -> None:
        self.conversation.handle({"type": kind, **fields}, self.now)

    def question(self, item_id: str, text: str | None) -> None:
        self.server("input_audio_buffer.speech_started", item_id=item_id)
        self.server("input_audio_buffer.speech_stopped", item_id=item_id)
        self.server("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "content": []}
        self.server("conversation.item.added", item=item, previous_item_id=None)
        if text is not None:
            self.recognised(item_id, text)

    def recognised(self, item_id: str, text: str) -> None:
        self.server(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            transcript=text,
        )

    def answer(
        self, item_id: str, text: str, seconds: float, *, response: str, done: bool = True
    ) -> None:
        ids = {"response_id": response, "item_id": item_id}
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        self.server("response.created", response={"id": response})
        self.server("response.output_item.added", response_id=response, item=item)
        self.server("conversation.item.added", item=item, previous_item_id=None)
        self.server("response.output_audio_transcript.delta", delta=text, **ids)
        self.audio(item_id, seconds, response)
        if done:
            self.server("response.output_audio.done", **ids)
            self.server("response.output_audio_transcript.done", transcript=text, **ids)
            self.server("response.output_item.done", response_id=response, item=item)
            self.server(
                "response.done", response={"id": response, "status": "completed", "output": [item]}
            )

    def audio(self, item_id: str, seconds: float, response: str) -> None:
        pcm = b"\1\0" * round(seconds * SECOND)
        self.server(
            "response.output_audio.delta",
            response_id=response,
            item_id=item_id,
            content_index=0,
            delta=base64.b64encode(pcm).decode(),
        )

    def listen(self, seconds: float) -> None:
        """The leg sends for a while."""
        for _ in range(round(seconds * SECOND / FRAME_SAMPLES)):
            self.now += 0.02
            self.playout.next_frame()
            self.conversation.played(self.playout.completed(), self.now)

    def restored(self) -> None:
        self.conversation.model_connected(set(), moved=False, now=self.now)

    def sent_types(self) -> list[str]:
        return [event["type"] for event in self.sent]

    def lines(self) -> list[tuple[str, str]]:
        return [(e.role, e.content) for e in self.told if isinstance(e, out.Message)]
