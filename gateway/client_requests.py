"""What a client of the Realtime protocol may ask of its session, and what is done about it.

Theory of operation. Most events go on to the model, under an ``event_id`` of ours by which an error
finds its way back. The exceptions are what the gateway knows better, or must not allow: the session
and its instructions while agents run the call, what the caller has heard while a leg plays it, and
``response.create``, of which a conversation takes one at a time. Where agents ask for responses
too, a client's waits its turn; where the client is alone, one too many is refused by the model, as
it would be without a gateway.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway import client_wishes
from gateway.client_line import ClientLine
from gateway.client_uploads import upload
from gateway.core.control import Right
from gateway.core.events import GatewayError
from gateway.core.media_time import SAMPLE_RATE, to_ms
from gateway.core.received_audio import ReceivedAudio
from gateway.core.responses import Phase
from gateway.core.tool_calls import ToolOutput
from gateway.media.socket_audio import SocketAudio
from gateway.realtime import client_events as ask
from gateway.realtime import protocol, replies
from gateway.realtime.client_events import ClientEventError
from gateway.session_parts import SessionParts

MAX_ASKED: Final = 1_000
"""Events whose errors find their way back; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An event that went on to the model: whose, and its own ``event_id``."""

    line: ClientLine
    event_id: str | None


class ClientRequests:
    """:param tell_session: tells all clients what session is in force."""

    def __init__(self, parts: SessionParts, tell_session: Callable[[], None]) -> None:
        self._parts = parts
        self._tell_session = tell_session
        self.media: SocketAudio | None = None
        """Of the client that is the caller, by events."""
        self.received = ReceivedAudio()
        self._asked: dict[str, Asked] = {}
        self._numbers = itertools.count(1)
        self._update: tuple[Asked, Mapping[str, Any]] | None = None
        """The last change of the agents' session that waits for the model, and what was before."""
        self._unheard: dict[str, int] = {}
        """Answers of which nothing was heard: deleted in place of being cut."""
        self._emptied: dict[str, None] = {}
        """Those that were deleted so: to clients they are there still, and empty."""
        self._deleted: set[str] = set()
        self._handlers: dict[str, Callable[[ClientLine, protocol.Event], None]] = {
            ask.UPDATE: self._on_update,
            protocol.APPEND: self._on_append,
            ask.COMMIT: self._on_commit,
            ask.CLEAR: self._on_clear,
            ask.CLEAR_OUTPUT: self._on_clear_output,
            ask.CREATE_ITEM: self._on_create_item,
            ask.RETRIEVE_ITEM: self._on_retrieve_item,
            ask.DELETE_ITEM: self._on_delete_item,
            ask.TRUNCATE_ITEM: self._on_truncate_item,
            ask.CREATE_RESPONSE: self._on_create_response,
            ask.CANCEL_RESPONSE: self._on_cancel_response,
        }

    # -- from clients

    def take(self, line: ClientLine, event: protocol.Event) -> None:
        """One event of a client's, behind the audio that it sent before."""
        uplink = self._parts.uplink
        try:
            if event["type"] == protocol.APPEND:
                self._handle(line, event)
            elif event["type"] == ask.CLEAR:
                uplink.clear(lambda: self._handle(line, event))
            else:
                uplink.commit(lambda: self._handle(line, event))
        except GatewayError as error:
            line.tell_error(_busy(error, event))

    async def take_upload(self, line: ClientLine, event: protocol.Event) -> None:
        """As :meth:`take`, of audio that is too much to be decoded at once."""
        uplink = self._parts.uplink
        try:
            await upload(
                line.audio or _AS_PCM,
                event["audio"],
                lambda pcm, goes_on: uplink.append(pcm, goes_on=goes_on),
            )
        except ValueError:
            line.tell_error(_no_audio(event))
        except GatewayError as error:
            line.tell_error(_busy(error, event))

    def _handle(self, line: ClientLine, event: protocol.Event) -> None:
        if event["type"] != protocol.APPEND:
            self._parts.session.touch()
        try:
            self._handlers[event["type"]](line, event)
        except ClientEventError as error:
            error.event_id = event.get("event_id")
            line.tell_error(error)
        except GatewayError as error:
            line.tell_error(_busy(error, event))

    def _remember(self, line: ClientLine, event: protocol.Event) -> str:
        """The ``event_id`` under which an event goes on."""
        event_id = f"talkpath_client_{next(self._numbers)}"
        self._asked[event_id] = Asked(line, event.get("event_id"))
        if len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        return event_id

    def _forward(self, line: ClientLine, event: protocol.Event) -> None:
        self._parts.send({**event, "event_id": self._remember(line, event)})

    @property
    def _free(self) -> bool:
        """Whether the client runs the session itself."""
        return self._parts.passthrough is not None

    def _allow(self, line: ClientLine, right: Right, what: str, param: str | None = None) -> None:
        if not self._free and right not in line.rights:
            raise ClientEventError(
                "forbidden", f"Agents of this gateway run the call: {what} is theirs.", param
            )

    # -- the session

    def _on_update(self, line: ClientLine, event: protocol.Event) -> None:
        session = event["session"]
        if session.get("type", "realtime") != "realtime":
            message = "Only sessions of type 'realtime' are supported here."
            raise ClientEventError("invalid_value", message, "session.type")
        if line.audio is not None:
            client_wishes.set_formats(line.audio, session)
        if self._parts.passthrough is not None:
            self._parts.passthrough.ask(self._remember(line, event), session)
            return
        settings = self._parts.session.settings
        wishes = client_wishes.of(session, line.rights, settings)
        before = {name: getattr(settings, name) for name in wishes}
        if not wishes:
            self._tell_session()
            return
        self._update = Asked(line, event.get("event_id")), before
        self._parts.session.update(**wishes)

    # -- the caller's audio

    def _on_append(self, line: ClientLine, event: protocol.Event) -> None:
        try:
            pcm = (line.audio or _AS_PCM).decode(event["audio"])
        except ValueError:
            raise _no_audio(event) from None
        self._parts.uplink.append(pcm)

    def _on_commit(self, line: ClientLine, event: protocol.Event) -> None:
        self._parts.conversation.replay.commit(self._parts.clock())
        self._forward(line, event)

    def _on_clear(self, line: ClientLine, event: protocol.Event) -> None:
        self._parts.conversation.replay.cleared()
        self._forward(line, event)

    # -- items

    def _on_create_item(self, line: ClientLine, event: protocol.Event) -> None:
        item = event["item"]
        match item:
            case {"type": "message", "role": "user"}:
                pass
            case {"type": "function_call_output"}:
                self._allow(line, Right.TOOLS, "the output of tools", "item.type")
            case {"type": "message"}:
                self._allow(line, Right.INSTRUCTIONS, "such a message", "item.role")
            case _:
                self._allow(line, Right.INSTRUCTIONS, "such an item", "item.type")
        self._forward(line, event)

    def _on_retrieve_item(self, line: ClientLine, event: protocol.Event) -> None:
        """OpenAI's agents SDK for Python asks for every item that was cut."""
        if event["item_id"] in self._emptied:
            line.tell(replies.empty_item_retrieved(event["item_id"]))
        else:
            self._forward(line, event)

    def _on_delete_item(self, line: ClientLine, event: protocol.Event) -> None:
        self._allow(line, Right.INSTRUCTIONS, "what they remember", "item_id")
        self._deleted.add(event["item_id"])
        self._forward(line, event)

    def _on_truncate_item(self, line: ClientLine, event: protocol.Event) -> None:
        """Cut an answer at what was heard: where a leg plays it, that is known here, and else it is
        not more than was sent. One that was heard whole stays whole.
        """
        parts, item_id, ms = self._parts, event["item_id"], event["audio_end_ms"]
        if item_id in self._emptied:
            line.tell(replies.item_truncated(item_id, event["content_index"], 0))
            return
        if parts.conversation.audible:
            if parts.playout.is_pending(item_id):
                parts.conversation.interrupt(parts.clock())
            received, whole = parts.playout.heard(item_id), True
        else:
            known = self.received.samples(item_id)
            if known is None:
                self._forward(line, event)
                return
            received, whole = known, self.received.is_finished(item_id)
        limit = to_ms(received)
        if ms >= limit and whole:
            reply = replies.item_truncated(item_id, event["content_index"], limit)
            line.tell(reply)
            return
        ms = min(ms, limit)
        samples = ms * SAMPLE_RATE // 1000
        parts.conversation.transcript.cut(item_id, samples, received)
        parts.conversation.passed.cut(item_id, samples)
        self.received.cut(item_id, samples)
        if ms > 0:
            self._forward(line, {**event, "audio_end_ms": ms})
        else:
            self._unheard[item_id] = event["content_index"]
            deletion = protocol.delete_item(item_id)
            parts.send({**deletion, "event_id": self._remember(line, event)})

    # -- responses

    def _on_create_response(self, line: ClientLine, event: protocol.Event) -> None:
        parts, response = self._parts, event.get("response") or {}
        for name in response.keys() - client_wishes.HARMLESS_OF_RESPONSE:
            self._allow(line, Right.INSTRUCTIONS, f"'{name}'", f"response.{name}")
        if response.get("conversation") == "none":
            parts.asides.expect()
            self._forward(line, event)
            return
        busy = parts.conversation.responses.phase in (Phase.RUNNING, Phase.REQUESTED)
        if self._free and busy:
            self._forward(line, event)
            return
        event_id = self._remember(line, event)
        parts.conversation.request_response(response, event_id, patient=not self._free)

    def _on_cancel_response(self, line: ClientLine, event: protocol.Event) -> None:
        parts = self._parts
        running = parts.conversation.responses.active_id
        response_id = event.get("response_id") or running
        if not parts.conversation.audible or (response_id and parts.asides.holds(response_id)):
            self._forward(line, event)
            return
        if response_id != running or (running is None and parts.playout.is_empty):
            raise ClientEventError(
                "response_cancel_not_active", "Cancellation failed: no active response found."
            )
        parts.conversation.interrupt(parts.clock())

    def _on_clear_output(self, line: ClientLine, event: protocol.Event) -> None:
        parts = self._parts
        if not parts.conversation.audible:
            message = "Only for calls: over WebSocket the client holds the output audio."
            raise ClientEventError("invalid_value", message, "type")
        if not parts.playout.is_empty:
            parts.conversation.interrupt(parts.clock())

    # -- from the model

    def confirmed(self) -> bool:
        """The model confirmed a session; whether a client waits for that."""
        if self._parts.passthrough is not None:
            return self._parts.passthrough.confirmed()
        waited, self._update = self._update is not None, None
        return waited

    def connected(self, *, moved: bool) -> None:
        """A fresh connection carries the conversation, and was told of it."""
        self._parts.asides.reset()
        if self._parts.passthrough is not None:
            self._parts.passthrough.connected(moved=moved)

    def refused(self, event_id: object, code: object) -> Asked | None:
        """The model reported an error about an event; who asked for that."""
        if event_id == protocol.CONFIGURATION_ID:
            return self._take_back(code)
        if not isinstance(event_id, str) or event_id not in self._asked:
            return None
        if code == protocol.RESPONSE_RUNNING and not self._free:
            return None  # It is asked for again.
        if self._parts.passthrough is not None:
            self._parts.passthrough.refused(event_id)
        return self._asked.pop(event_id)

    def _take_back(self, code: object) -> Asked | None:
        """The model takes no session as a client wants it: have the one before again."""
        if self._update is None or code == protocol.VOICE_FIXED:
            return None
        (asked, before), self._update = self._update, None
        self._parts.session.update(**before)
        return asked

    def on_model_event(self, event: protocol.Event) -> None:
        """Keep what a fresh connection must be told of clients' items."""
        transcript = self._parts.conversation.transcript
        match event:
            case {"type": protocol.OUTPUT_ITEM_DONE, "item": {"id": str(item_id)}}:
                self.received.finish(item_id)
            case {
                "type": protocol.ITEM_ADDED,
                "item": {
                    "type": "function_call_output",
                    "id": str(item_id),
                    "call_id": str(call_id),
                    "output": str(text),
                },
            } if transcript.get(item_id) is None:
                transcript.record(ToolOutput(call_id, text, item_id))
            case {
                "type": protocol.ITEM_ADDED,
                "item": {"id": str(item_id), "role": "assistant", "content": list(content)},
            } if transcript.get(item_id) is None and (text := protocol.text_of(content)):
                previous = event.get("previous_item_id")
                transcript.place(item_id, "assistant", previous, spoken=False)
                transcript.complete(item_id, text)

    def deleted(self, event: protocol.Event) -> protocol.Event:
        """The model deleted an item; the event as clients are told it."""
        item_id = protocol.item_id(event)
        if item_id in self._deleted:
            self._deleted.discard(item_id)
            self._parts.conversation.transcript.remove(item_id)
        if item_id in self._unheard:
            self._emptied[item_id] = None
            if len(self._emptied) > MAX_ASKED:
                del self._emptied[next(iter(self._emptied))]
            return replies.item_truncated(item_id, self._unheard.pop(item_id), 0)
        return event


_AS_PCM: Final = SocketAudio()


def _no_audio(event: protocol.Event) -> ClientEventError:
    message = "Invalid 'audio'. Expected base64-encoded audio bytes, whole samples."
    return ClientEventError("invalid_value", message, "audio", event.get("event_id"))


def _busy(error: GatewayError, event: protocol.Event) -> ClientEventError:
    return ClientEventError("rate_limit_exceeded", error.message, None, event.get("event_id"))
