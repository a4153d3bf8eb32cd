"""The clients of one session that speak the Realtime protocol: a caller's data channel, a WebSocket
that carries the audio too, servers that look on and take part. All are told the same events in the
same order; what one asks, and does wrong, is its own affair.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from gateway.client_line import ClientLine, ClientSocket
from gateway.client_requests import Asked, ClientRequests
from gateway.client_view import AgentsView
from gateway.core import events as out
from gateway.core.control import Control, Right
from gateway.core.events import ErrorCode, SessionEvent, Status
from gateway.core.output_buffer import Change, OutputBuffer
from gateway.media.socket_audio import SocketAudio
from gateway.realtime import protocol, replies
from gateway.realtime.client_events import ClientEventError, parse
from gateway.session_parts import SessionParts

MAX_HELD: Final = 256
"""Messages of clients that wait for the model."""

MAX_EARLY: Final = 64
"""Events kept for a caller whose data channel is not open yet."""

MAX_KNOWN: Final = 2_000
"""Items that clients were told of; the oldest go first."""

_OWN_IDS: Final = "talkpath_"
"""What the gateway's own client events have as their ``event_id`` begins so."""

_LOST: Final = "the connection to the model was lost"


class SessionClients:
    """:param keeps_early: a caller will open a data channel."""

    def __init__(self, parts: SessionParts, *, keeps_early: bool) -> None:
        self._parts = parts
        self._agents = parts.session.settings.control is Control.AGENTS
        self._view = AgentsView(lambda name: name in parts.session.settings.client_tool_names)
        self._requests = ClientRequests(parts, self._tell_session)
        self._lines: list[ClientLine] = []
        self._media: ClientLine | None = None
        self._in_force: dict[str, Any] | None = None
        """The session, as the model confirmed it."""
        self._shown: dict[str, Any] | None = None
        """The session, as clients were told of it."""
        self._ready = asyncio.Event()
        self._held: deque[tuple[ClientLine, str | bytes]] = deque()
        self._early: deque[str] | None = deque(maxlen=MAX_EARLY) if keeps_early else None
        self._known: dict[tuple[str, str], None] = {}
        self._running: dict[str, dict[str, Any]] = {}
        """Responses that clients saw begin, and wait for the end of."""
        self._buffer = OutputBuffer()
        self._changes: list[Change] = []

    # -- lines

    def attach(
        self,
        socket: ClientSocket,
        rights: frozenset[Right],
        audio: SocketAudio | None = None,
    ) -> ClientLine:
        """A client listens from now on, and first of all is told of the session.

        :param audio: of the client that is the session's caller, by events.
        """
        line = ClientLine(socket, rights, audio)
        self._lines.append(line)
        if audio is not None:
            self._media = line
            self._requests.media = audio
        if self._ready.is_set():
            self._greet(line)
        return line

    def detach(self, line: ClientLine) -> None:
        """A client is gone; may be called twice."""
        if line in self._lines:
            self._lines.remove(line)

    def attach_caller(self, socket: ClientSocket, rights: frozenset[Right]) -> ClientLine:
        """As :meth:`attach`, and the client is told what happened while its channel opened."""
        line = self.attach(socket, rights)
        early, self._early = self._early, None
        if line.told:
            for message in early or ():
                socket.send(message)
        return line

    def _greet(self, line: ClientLine) -> None:
        line.told = True
        line.tell(replies.session_created(self._shown_session()))

    @property
    def takes_now(self) -> bool:
        """Whether events of clients can go on to the model at once."""
        return self._ready.is_set() and not self._held and self._parts.uplink.has_room

    async def ready(self) -> None:
        """Until the model is there, or the session is over."""
        await self._ready.wait()

    async def room(self) -> None:
        """Until the model has taken the audio that was sent before.

        :raises GatewayError: ``upstream_unavailable``: it does not.
        """
        await self._parts.uplink.room()

    @property
    def held(self) -> int:
        """Messages of clients that wait for the model."""
        return len(self._held)

    # -- from clients

    def receive(self, line: ClientLine, message: str | bytes) -> None:
        """A client sent one event. It waits here while the model cannot take it."""
        if self._ready.is_set() and not self._held:
            self._take(line, message)
        elif len(self._held) < MAX_HELD:
            self._held.append((line, message))
        else:
            text = "Too many events wait for the model."
            line.tell(replies.error("rate_limit_exceeded", text))

    async def receive_long(self, line: ClientLine, message: str) -> None:
        """As :meth:`receive`, of a message that would hold the event loop; the client's next one
        comes when this one is done.
        """
        await self.ready()
        if line not in self._lines:
            return
        try:
            event = parse(message)
        except ClientEventError as error:
            line.tell_error(error)
            return
        if event["type"] == protocol.APPEND:
            await self._requests.take_upload(line, event)
        else:
            self._requests.take(line, event)

    def _take(self, line: ClientLine, message: str | bytes) -> None:
        if line not in self._lines:
            return
        try:
            event = parse(message)
        except ClientEventError as error:
            line.tell_error(error)
        else:
            self._requests.take(line, event)

    def refuse(self, line: ClientLine, error: ClientEventError) -> None:
        """Tell a client of its mistake."""
        line.tell_error(error)

    # -- from the model

    def on_audio(self, event: protocol.Event) -> None:
        """An audio delta arrived, and the playout has what is to be played of it."""
        parts = self._parts
        response_id, item_id = event.get("response_id"), event.get("item_id")
        if not isinstance(response_id, str) or not isinstance(item_id, str):
            return
        if parts.conversation.audible:
            if not parts.conversation.responses.stale(response_id):
                self._buffer.owe(response_id, item_id)
            return
        if (media := self._media) is None or media.audio is None:
            return
        try:
            pcm = protocol.pcm_of(event) or b""
        except (KeyError, TypeError):
            return
        self._requests.received.add(item_id, len(pcm) // 2)
        encoded = media.audio.encode(pcm)
        if encoded is None:
            self._send_audio(media, event)
        elif encoded:
            self._send_audio(media, {**event, "delta": encoded})

    def _send_audio(self, media: ClientLine, event: protocol.Event) -> None:
        if media.told:
            media.tell(event)

    def on_model_event(self, event: protocol.Event) -> None:
        """Any other event arrived, and the conversation has taken it in."""
        match event:
            case {"type": protocol.SESSION_CREATED}:
                return
            case {"type": protocol.SESSION_UPDATED, "session": dict(session)}:
                self._on_session(session)
                return
            case {"type": protocol.ERROR}:
                self._on_error(event)
                return
            case {"type": protocol.AUDIO_DONE}:
                self._finish_audio(event)
        self._requests.on_model_event(event)
        shown = self._seen(event)
        if shown is not None:
            self._tell(shown)
        if event["type"] == protocol.RESPONSE_DONE:
            self._buffer.over(protocol.response_id(event))
            self._settle()
        self._flush()

    def on_aside_event(self, event: protocol.Event) -> None:
        """An event of a response that is not in the conversation: it is played to nobody, and sent
        to the one who hears by events.
        """
        media = self._media
        if event["type"] != protocol.AUDIO_DELTA:
            self._tell(event)
        elif media is not None and media.audio is not None and media.audio.encode(b"") is None:
            self._send_audio(media, event)

    def _seen(self, event: protocol.Event) -> protocol.Event | None:
        """As clients see it; None: not at all, or it was told before."""
        kind, item_id = event["type"], protocol.item_id(event)
        match kind:
            case protocol.ITEM_ADDED | protocol.ITEM_DONE if item_id:
                # A fresh connection to the model is told what was said, and tells of it again.
                if (kind, item_id) in self._known:
                    return None
                self._known[kind, item_id] = None
                if len(self._known) > MAX_KNOWN:
                    del self._known[next(iter(self._known))]
            case protocol.ITEM_DELETED:
                self._known.pop((protocol.ITEM_ADDED, item_id), None)
                self._known.pop((protocol.ITEM_DONE, item_id), None)
                event = self._requests.deleted(event)
            case protocol.RESPONSE_CREATED if isinstance(event.get("response"), dict):
                self._running[protocol.response_id(event)] = event["response"]
            case protocol.RESPONSE_DONE:
                self._running.pop(protocol.response_id(event), None)
        return self._view(event) if self._agents else event

    def _finish_audio(self, event: protocol.Event) -> None:
        media = self._media
        if media is not None and media.audio is not None and (rest := media.audio.flush()):
            self._send_audio(media, replies.audio_delta(event, rest))

    def _on_session(self, session: dict[str, Any]) -> None:
        self._in_force = session
        answers = self._requests.confirmed()
        if not self._ready.is_set():
            self._look_ready()
        elif answers or self._shown_session() != self._shown:
            self._tell_session()

    def _tell_session(self) -> None:
        """Tell all clients what is in force."""
        self._tell(replies.session_updated(self._shown_session()))

    def _shown_session(self) -> dict[str, Any]:
        session = self._parts.describe(self._in_force or {})
        if self._media is not None and self._media.audio is not None:
            session = _with_formats(session, self._media.audio)
        self._shown = self._view.session(session) if self._agents else session
        return self._shown

    def _on_error(self, event: protocol.Event) -> None:
        details = event.get("error")
        error: dict[str, Any] = details if isinstance(details, dict) else {}
        event_id = error.get("event_id")
        asked = self._requests.refused(event_id, error.get("code"))
        if isinstance(asked, Asked):
            error = {"type": "invalid_request_error", "message": "", **error}
            asked.line.tell({**event, "error": {**error, "event_id": asked.event_id}})
        elif not (isinstance(event_id, str) and event_id.startswith(_OWN_IDS)):
            self._tell(event)

    def on_model_changed(self, *, moved: bool | None) -> None:
        """Another connection carries the conversation; ``moved`` None: none does."""
        for response in list(self._running.values()):
            self._tell(replies.response_lost(response, _LOST))
        self._running.clear()
        self._buffer.over()
        self._settle()
        if moved is None:
            self._ready.clear()
        else:
            self._requests.connected(moved=moved)
            self._look_ready()
        self._flush()

    def _look_ready(self) -> None:
        if self._in_force is None or not self._parts.connected:
            return
        self._ready.set()
        for line in list(self._lines):
            if not line.told:
                self._greet(line)
        while self._held and self._ready.is_set():
            self._take(*self._held.popleft())

    # -- from the session

    def on_session_event(self, event: SessionEvent) -> None:
        """The session tells its doors something."""
        match event:
            case out.AudioInterrupted(item_id):
                self._changes += self._buffer.cut(item_id)
                # Told behind the event that the cut is owed to.
                asyncio.get_running_loop().call_soon(self._flush)
            case out.Failed(code, message) if code is not ErrorCode.UPSTREAM_ERROR:
                self._tell(replies.error(code.value, message, kind="server_error"))
            case out.StatusChanged(Status.DISCONNECTED, reason):
                self._flush()
                self._ready.set()
                lines, self._lines = self._lines, []
                for line in lines:
                    line.socket.close(reason or "")

    def on_played(self, started: Sequence[str]) -> None:
        """The leg played on; ``started``: items whose first frame left."""
        self._settle()
        for item_id in started:
            self._changes += self._buffer.start(item_id)
        self._flush()

    def on_dtmf(self, key: str) -> None:
        """The caller pressed a key."""
        self._tell(replies.dtmf_received(key, int(time.time())))

    def _settle(self) -> None:
        self._changes += self._buffer.settle(self._parts.playout.is_pending)

    def _flush(self) -> None:
        changes, self._changes = self._changes, []
        for what, response_id in changes:
            self._tell(replies.output_audio_buffer(what, response_id))

    def _tell(self, event: protocol.Event) -> None:
        if not self._lines and self._early is None:
            return
        message = json.dumps(event)
        if self._early is not None:
            self._early.append(message)
        for line in list(self._lines):
            if line.told:
                line.socket.send(message)


def _with_formats(session: dict[str, Any], audio: SocketAudio) -> dict[str, Any]:
    sides = dict(session.get("audio") or {})
    for way, name in (("input", audio.input), ("output", audio.output)):
        side = sides.get(way)
        form: dict[str, Any] = {"type": name}
        if name == "audio/pcm":
            form["rate"] = 24_000
        sides[way] = {**(side if isinstance(side, dict) else {}), "format": form}
    return {**session, "audio": sides}
