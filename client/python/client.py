"""A caller without a browser: joins a session over Socket.IO and talks over WebRTC, or over
Socket.IO as well.

    async with TalkpathClient("http://127.0.0.1:8000") as client:
        await client.connect()
        microphone, speaker = Microphone(), Speaker()
        await client.call(microphone, speaker)
        utterance = await microphone.say(pcm, rate=24_000)
        first_audio = await speaker.wait_onset(utterance.end, timeout=10.0)

Everything that a gateway's Socket.IO contract offers is a method here, or goes through `emit`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self

from client.python.connection import Connection
from client.python.errors import ClientError
from client.python.events import Callback, Event, EventLog, EventReader
from client.python.loopback import loopback_address
from client.python.microphone import Microphone
from client.python.pcm_call import PcmCall
from client.python.peer import CallStats, Peer
from client.python.speaker import Speaker

ANY_ADDRESS = "any"
"""`media_address` that leaves the choice of interface to ICE."""

_MESSAGES_KEPT = 1000
_LEAVING_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_MAY_PASS = frozenset({"unreachable", "closed", "timeout", "upstream_unavailable"})
"""Why a gateway cannot be resumed at this moment."""


class TalkpathClient:
    """One caller. Use as an async context manager: on leaving, the session is ended.

    With `session_id` and `resume_token` (of an earlier client) it takes a dropped session up again;
    one that lost its own connection does that by `resume`.
    `media_address` is the local address that media uses: by default the URL's own host if that is
    a loopback address, else every interface's (`ANY_ADDRESS`).
    `pcm_rate`: Hz of header-less PCM16 at this gateway (its AUDIO_SAMPLE_RATE), for PCM calls.
    `timeout`: seconds that connecting, and any one request, may take.
    """

    def __init__(
        self,
        url: str,
        *,
        user_id: str | None = None,
        agent_set: str | None = None,
        token: str | None = None,
        instructions: str | None = None,
        voice: str | None = None,
        language: str | None = None,
        session_id: str | None = None,
        resume_token: str | None = None,
        media_address: str | None = None,
        pcm_rate: int = 24_000,
        timeout: float = 10.0,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.user_id = user_id
        self.agent_set = agent_set
        self.session_id = session_id
        self.resume_token = resume_token
        self.ice_servers: list[dict[str, Any]] = []
        self.messages: deque[dict[str, Any]] = deque(maxlen=_MESSAGES_KEPT)
        self._token = token
        self._instructions = instructions
        self._voice = voice
        self._language = language
        self._media_address = media_address or loopback_address(url) or ANY_ADDRESS
        self._log = EventLog()
        self._log.on("message", self._keep_message)
        self._connection = Connection(url, self._log.append, self._offline)
        self._online = asyncio.Event()
        self._pcm_rate = pcm_rate
        self._pcm_call: PcmCall | None = None
        self._peer: Peer | None = None
        self._microphone: Microphone | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.hang_up()

    @property
    def connected(self) -> bool:
        """Whether the Socket.IO connection stands."""
        return self._connection.connected

    @property
    def media_state(self) -> str:
        """W3C `connectionState` of the WebRTC call; `new` without one."""
        return "new" if self._peer is None else self._peer.state

    async def connect(self) -> None:
        """Connect and join.

        Fills `session_id`, `resume_token`, `user_id`, `agent_set` and `ice_servers`.
        Raises `ClientError`: `unreachable`, or the gateway's code (`unauthorized`, `capacity`, …).
        """
        await self._connection.open(self._token, self.timeout)
        wishes = {
            "userId": self.user_id,
            "sessionId": self.session_id,
            "resumeToken": self.resume_token,
            "agentSet": self.agent_set,
            "instructions": self._instructions,
            "voice": self._voice,
            "language": self._language,
        }
        joined = await self.emit(
            "join_session", {name: wish for name, wish in wishes.items() if wish is not None}
        )
        self.session_id = joined.get("sessionId")
        self.resume_token = joined.get("resumeToken")
        self.user_id = joined.get("userId", self.user_id)
        self.agent_set = joined.get("agentSet", self.agent_set)
        self.ice_servers = list(joined.get("iceServers") or [])
        self._online.set()

    async def resume(self, within: float = 30.0) -> None:
        """Take the session up again after its connection was lost; a call goes on.

        What was missed is told in order. Lines told shortly before may be told again: by `message`,
        but `messages` has each once. Readers of `events` end with a connection: begin a new one.
        Raises `ClientError`: `session_expired`, or why no connection could be made for `within` s.
        """
        deadline = time.monotonic() + within
        while True:
            await self._connection.close()
            self._connection = Connection(self.url, self._log.append, self._offline)
            self._log.reopen()
            try:
                await self.connect()
            except ClientError as exc:
                if exc.code not in _MAY_PASS or time.monotonic() + _RETRY_SECONDS > deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def call(
        self,
        microphone: Microphone,
        speaker: Speaker,
        transport: Literal["webrtc", "pcm"] = "webrtc",
    ) -> None:
        """Place the call; returns when media flows.

        `pcm`: PCM16 over Socket.IO, where a network lets no media through.
        The microphone and the speaker belong to the call from then on and end with it.
        Raises `ClientError`: `negotiation_failed`, `media_failed`, or the gateway's code.
        """
        if self._microphone is not None:
            raise ClientError("bad_request", "this client has a call already")
        if transport == "pcm":
            self._microphone = microphone
            self._pcm_call = PcmCall(self.emit, self._online.wait, speaker, self._pcm_rate)
            self.on("audio_response", self._pcm_call.hear)
            self.on("audio_interrupted", self._pcm_call.flush)
            self._pcm_call.start(microphone)
            return
        local = None if self._media_address == ANY_ADDRESS else self._media_address
        try:
            peer = Peer(microphone, self.ice_servers, local)
        except (KeyError, ValueError) as exc:
            raise ClientError("negotiation_failed", f"unusable ICE server: {exc}") from exc
        self._peer, self._microphone = peer, microphone
        offer, candidates = await peer.offer()
        answer = await self.emit("webrtc_offer", {"type": "offer", "sdp": offer})
        await peer.accept(str(answer.get("sdp", "")))
        if peer.remote_track is not None:
            self._listening = asyncio.create_task(speaker.consume(peer.remote_track))
        for candidate in [*candidates, None]:
            await self.emit("ice_candidate", candidate)
        await peer.wait_connected(self.timeout)

    async def emit(self, event: str, *args: Any) -> dict[str, Any]:
        """Send any event; returns its acknowledgement without the `ok`.

        Raises `ClientError`: the gateway's code, `timeout`, or `closed`.
        """
        return await self._connection.request(event, args, self.timeout)

    async def send_text(self, text: str) -> None:
        await self.emit("send_text", text)

    async def send_audio(self, data: bytes | str, format: str = "pcm16") -> dict[str, Any]:
        """Audio over Socket.IO instead of WebRTC. Returns what it was taken for."""
        return await self.emit("send_audio", data, format)

    async def commit_audio(self) -> None:
        """Push-to-talk end: what was said is a turn, and is answered."""
        await self.emit("commit_audio")

    async def clear_audio(self) -> None:
        """Push-to-talk start: what was appended before is dropped."""
        await self.emit("clear_audio")

    async def send_dtmf(self, digits: str) -> None:
        await self.emit("send_dtmf", digits)

    async def interrupt(self) -> None:
        """Stop the answer now."""
        await self.emit("interrupt")

    async def mute(self, muted: bool = True) -> None:
        await self.emit("mute", muted)

    async def update_session(self, **settings: Any) -> None:
        """Partial session settings, by the names of the contract."""
        await self.emit("update_session", settings)

    def on(self, event: str, callback: Callback) -> None:
        """Call `callback(*args)` for each `event` to come. It must not block."""
        self._log.on(event, callback)

    @property
    def events(self) -> EventReader:
        """An async iterator over all events from now on; ends with the connection."""
        return self._log.follow()

    async def wait_for(
        self,
        event: str,
        predicate: Callable[..., bool] | None = None,
        timeout: float = 10.0,
        *,
        since: float | None = None,
    ) -> Event:
        """The next `event` whose `predicate(*args)` holds.

        `since` (monotonic seconds) also counts events that came before this was called, which
        matters for those that an earlier request may already have caused.
        Raises `ClientError`: `timeout`, or `closed` when the connection ends first.
        """
        return await self._log.wait_for(event, predicate, timeout, since)

    async def stats(self) -> CallStats:
        """Packets, loss and round trip of the call; all zero without one."""
        return CallStats() if self._peer is None else await self._peer.stats()

    async def hang_up(self) -> None:
        """End the session and close. Silent if the connection is already gone."""
        if self.connected and self.session_id is not None:
            try:
                async with asyncio.timeout(_LEAVING_SECONDS):
                    await self.emit("disconnect_session")
            except (ClientError, TimeoutError):
                pass  # It is gone already, or will be once the connection is.
        await self.close()

    async def close(self) -> None:
        """Drop the call and the connection, but do not end the session: it can be resumed.

        Nothing of the client is left: no task, no thread, no socket. May be called again.
        """
        if self._microphone is not None:
            self._microphone.stop()
        try:
            if self._pcm_call is not None:
                await self._pcm_call.close()
            if self._peer is not None:
                await self._peer.close()
        finally:
            if self._listening is not None:
                # A track that never came to receive does not end by itself.
                self._listening.cancel()
                await asyncio.wait([self._listening])
            await self._connection.close()

    def _offline(self) -> None:
        self._online.clear()
        self._log.close()

    def _keep_message(self, message: dict[str, Any]) -> None:
        """A line told again takes the place that it has."""
        for index, kept in enumerate(self.messages):
            if kept.get("id") == message.get("id"):
                self.messages[index] = message
                return
        self.messages.append(message)
