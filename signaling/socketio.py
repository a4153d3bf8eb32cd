"""The Socket.IO door: events of a client become calls on its session, and the other way round.

Events of one client are handled one after another, in the order sent: a candidate never overtakes
its offer, and a flood slows only its sender. What a session tells a client passes one queue and one
writer, so that order holds there too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import structlog
from aiohttp import web

from gateway.audit.actor import Actor, acts
from gateway.core.control import Control
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.session import Session
from gateway.sessions import NO_SUCH_SESSION, Sessions
from signaling import events
from signaling.audio import read_audio
from signaling.buckets import Buckets
from signaling.caller import Caller, Scope
from signaling.client import Client
from signaling.cluster.away import AwayClients
from signaling.doorkeeper import Doorkeeper
from signaling.engine import MALFORMED, MAX_PACKET_BYTES, Refusal, SocketServer
from signaling.forwarded import remote_of
from signaling.ice import IceServers
from signaling.origins import Origins
from signaling.upload_budget import WORK, UploadBudget

log = structlog.get_logger(__name__)

ANSWER_TIMEOUT = 8.0
"""Seconds that an event may take: less than a client may leave a ping unanswered, as its answer is
not read meanwhile.
"""

EVENTS = (200.0, 2_000.0)
"""A second of one client, and at once: a microphone sends 50, and some catch up."""

ENVELOPE_BYTES = 4_096
"""Of an event around its base64: enough to refuse what is a little too large by its code."""

_NO_PASS_THROUGH = (
    "the key's control is passthrough, which takes a client of OpenAI's protocol: its tools could"
    " not be answered here"
)

Ack = dict[str, Any]
Handler = Callable[[Client, Any], Awaitable[Ack | None]]


class SocketIoDoor:
    """All Socket.IO clients of this gateway (contract: ``docs/protocol.md``).

    :param max_audio: bytes of audio in one ``send_audio``.
    :param calls: joins and offers of one address, and of one user.
    :param away: those whose session is at another gateway; None: there is no other.
    """

    def __init__(
        self,
        sessions: Sessions,
        origins: Origins,
        ice_servers: IceServers,
        max_audio: int,
        doorkeeper: Doorkeeper,
        calls: Buckets,
        away: AwayClients | None = None,
    ) -> None:
        self._calls = calls
        self._away = away
        self._events = Buckets(*EVENTS)
        self._uploads = Buckets(*WORK)
        self._clock = asyncio.get_running_loop().time
        self._sessions = sessions
        self._doorkeeper = doorkeeper
        self._max_audio = max_audio
        self._ice_servers = ice_servers
        self._clients: dict[str, Client] = {}
        self._server = SocketServer(
            origins.admit,
            max_packet_bytes=max(MAX_PACKET_BYTES, -(-max_audio // 3) * 4 + ENVELOPE_BYTES),
        )
        self._server.on_connection(self._connect, self._disconnect)
        self._handlers: dict[str, Handler] = {
            "join_session": self._join,
            "webrtc_offer": self._offer,
            "ice_candidate": self._candidate,
            "send_text": self._text,
            "send_audio": self._audio,
            "commit_audio": self._commit_audio,
            "clear_audio": self._clear_audio,
            "send_dtmf": self._keys,
            "interrupt": self._interrupt,
            "mute": self._mute,
            "update_session": self._update,
            "disconnect_session": self._leave,
            MALFORMED: self._malformed,
        }
        for name in self._handlers:
            self._server.on(name, self._answering(name))
        self._server.on("*", self._unknown)

    def routes(self) -> list[web.RouteDef]:
        return self._server.routes()

    def is_connected(self, engine_sid: str) -> bool:
        """As :meth:`SocketServer.is_connected` has it."""
        return self._server.is_connected(engine_sid)

    @property
    def backlogs(self) -> list[int]:
        """Events that wait for each client."""
        return [client.backlog for client in self._clients.values()]

    async def close(self) -> None:
        """Let clients have what they were told, and close their connections."""
        for client in list(self._clients.values()):
            await client.flushed()
        await self._server.close()
        for client in list(self._clients.values()):
            await client.close()

    # -- connections

    async def _connect(self, sid: str, token: str | None, request: web.Request) -> None:
        owner: str | None = None
        if not self._doorkeeper.is_open:
            try:
                # One that comes to resume may show a key that has expired meanwhile.
                owner = (await self._doorkeeper.identify(token, even_expired=True)).owner
            except GatewayError as error:
                raise Refusal(error.code.value, error.message) from None
        self._clients[sid] = client = Client(sid, self._server, token, remote_of(request))
        client.owner = owner

    async def _disconnect(self, sid: str, lost: bool) -> None:
        client = self._clients[sid]
        self.dismiss(client, certain=not lost)
        await client.close()

    # -- clients, be they connected here or to another gateway

    def admit(self, client: Client) -> None:
        """A client is there."""
        self._clients[client.sid] = client

    async def resume(self, client: Client, data: Any) -> Ack:
        """What ``join_session`` of a client is acknowledged with. :raises GatewayError: refused."""
        async with client.turn:
            with acts(Actor(client.name, "socketio")):
                return await self._join(client, data)

    async def receive(self, client: Client, name: str, args: Iterable[Any]) -> Ack:
        """What any event of it is acknowledged with."""
        if name not in self._handlers:
            return await self._unknown(name, client.sid)
        return await self._answer(client, name, tuple(args))

    def dismiss(self, client: Client, *, certain: bool) -> None:
        """It is gone; see :meth:`Sessions.release`."""
        self._clients.pop(client.sid, None)
        client.gone = True
        if client.session is not None:
            self._sessions.release(client.session, certain=certain)
        if self._away is not None:
            self._away.leave(client, certain=certain)

    def _answering(self, name: str) -> Callable[..., Awaitable[Ack]]:
        async def handle(sid: str, *args: Any) -> Ack:
            client = self._clients.get(sid)
            if client is None:
                return _refuse(None, _closing())
            return await self._answer(client, name, args)

        return handle

    async def _answer(self, client: Client, name: str, args: tuple[Any, ...]) -> Ack:
        if not client.keeps_up():
            return _refuse(None, _closing())
        try:
            if not self._events.take_of(client.sid, self._clock()):
                raise GatewayError(ErrorCode.RATE_LIMITED, "too many events at once")
            actor = Actor(client.name or "unknown", "socketio")
            async with asyncio.timeout(ANSWER_TIMEOUT), client.turn:
                if client.away is not None and self._away is not None and name != "join_session":
                    return await self._away.handle(client, name, args)
                with acts(actor):
                    answer = await self._handlers[name](client, _payload(name, args))
            return {"ok": True, **(answer or {})}
        except GatewayError as error:
            return _refuse(client, error)
        except TimeoutError:
            log.error("event took too long", event_name=name)
            return _refuse(client, GatewayError(ErrorCode.INTERNAL, f"{name} took too long"))
        except Exception:  # the root of one client's request: it harms no other
            log.exception("event failed", event_name=name)
            broken = GatewayError(ErrorCode.INTERNAL, f"{name} failed inside the gateway")
            return _refuse(client, broken)

    async def _unknown(self, name: str, sid: str, *args: Any) -> Ack:
        error = GatewayError(ErrorCode.BAD_REQUEST, f"there is no event {name[:64]!r}")
        return _refuse(self._clients.get(sid), error)

    async def _malformed(self, client: Client, data: Any) -> None:
        raise GatewayError(ErrorCode.BAD_REQUEST, "a packet could not be read")

    # -- events

    async def _join(self, client: Client, data: Any) -> Ack:
        join = events.Join.parse(data)
        resumes = join.session_id is not None and join.resume_token is not None
        # A resume token is worth more than a key, which may have expired meanwhile.
        self._count(client.remote, "too many calls from this address")
        caller = await self._identify(client, even_expired=resumes)
        if caller.owner is not None:
            self._count(caller.owner, "too many calls of this user", is_address=False)
        config = caller.grant.config
        if config.control == Control.PASS_THROUGH.value:
            raise GatewayError(ErrorCode.BAD_REQUEST, _NO_PASS_THROUGH)
        join = replace(
            join,
            agent_set=join.agent_set or config.agent_set,
            instructions=join.instructions or config.instructions,
            voice=join.voice or config.voice,
            language=join.language or config.settings().get("language"),
        )
        if self._away is not None and client.caller is None:
            place = self._away.elsewhere(join.session_id) if resumes else None
            if place is not None:
                return await self._join_elsewhere(client, place, data, caller)
            if client.away is not None:
                self._check(join, caller, freed=0)
                await self._away.end(client)
        if client.session is not None:
            await self._change_session(client, client.session, join, caller)
        if client.gone:
            raise _closing()
        if join.session_id is not None and join.resume_token is not None:
            self._find(join.session_id, join.resume_token, caller)
            session = self._sessions.resume(join.session_id, join.resume_token)
        else:
            session = self._sessions.open(
                caller.name or join.user_id or f"guest-{client.sid[:8]}",
                owner=caller.owner,
                model=config.model,
                door="socketio",
                agent_set=join.agent_set,
                **config.settings()
                | {
                    "instructions": join.instructions,
                    "voice": join.voice,
                    "language": join.language,
                },
            )
        client.listen(session)
        return {
            "sessionId": session.id,
            "resumeToken": session.resume_token,
            "userId": session.user_id,
            "iceServers": self._ice_servers.for_user(session.id),
            "agentSet": session.agent_set,
        }

    async def _join_elsewhere(self, client: Client, place: str, data: Any, caller: Caller) -> Ack:
        """Resume a session of the gateway ``place``."""
        assert self._away is not None
        answer = await self._away.join(client, place, data, caller)
        # Not before: a join that fails ends nothing.
        if client.session is not None:
            await self._end(client, client.session, Ending.CHANGED)
        return answer

    def _count(self, whose: str, refusal: str, *, is_address: bool = True) -> None:
        """:raises GatewayError: ``rate_limited``."""
        take = self._calls.take if is_address else self._calls.take_of
        if not take(whose, self._clock()):
            raise GatewayError(ErrorCode.RATE_LIMITED, refusal)

    async def _identify(self, client: Client, *, even_expired: bool) -> Caller:
        if client.caller is not None:
            return client.caller
        if even_expired and self._doorkeeper.is_open:
            return Caller()
        caller = await self._doorkeeper.identify(client.token, even_expired=even_expired)
        if Scope.CALL not in caller.scopes:
            raise GatewayError(ErrorCode.UNAUTHORIZED, "the token is not for calls")
        return caller

    def _find(self, session_id: str, resume_token: str, caller: Caller) -> Session:
        """The session to resume. :raises GatewayError: ``session_expired``."""
        session = self._sessions.find(session_id, resume_token)
        if not caller.owns(session.owner):
            raise GatewayError(ErrorCode.SESSION_EXPIRED, NO_SUCH_SESSION)
        return session

    async def _change_session(
        self, client: Client, session: Session, join: events.Join, caller: Caller
    ) -> None:
        """A client has one session: the former one ends, but not for a join that cannot succeed."""
        if self._check(join, caller, freed=1) is not session:
            await self._end(client, session, Ending.CHANGED)

    def _check(self, join: events.Join, caller: Caller, freed: int) -> Session | None:
        """The session that a join resumes; None: it may open one.

        :raises GatewayError: it can do neither.
        """
        if join.session_id is not None and join.resume_token is not None:
            return self._find(join.session_id, join.resume_token, caller)
        self._sessions.admit(join.agent_set, freed=freed)
        return None

    async def _offer(self, client: Client, data: Any) -> Ack:
        session, sdp = _session(client), events.parse_offer(data)
        self._count(client.remote, "too many offers from this address")
        if client.owner is not None:
            self._count(client.owner, "too many offers of this user", is_address=False)
        return {"type": "answer", "sdp": await session.offer(sdp)}

    async def _candidate(self, client: Client, data: Any) -> None:
        session, candidate = _session(client), events.parse_candidate(data)
        await session.add_candidate(candidate)

    async def _text(self, client: Client, data: Any) -> Ack:
        session, text = _session(client), events.parse_text(data)
        return {"itemId": session.say(text)}

    async def _keys(self, client: Client, data: Any) -> None:
        session, keys = _session(client), events.parse_keys(data)
        session.press(keys)

    async def _audio(self, client: Client, data: Any) -> Ack:
        session = _session(client)
        audio, form = await read_audio(data, self._max_audio)
        budget = UploadBudget(self._uploads, client.remote, client.name, self._clock)
        return events.sent_audio(await session.send_audio(audio, form, budget))

    async def _commit_audio(self, client: Client, data: Any) -> None:
        _session(client).commit_audio()

    async def _clear_audio(self, client: Client, data: Any) -> None:
        _session(client).clear_audio()

    async def _interrupt(self, client: Client, data: Any) -> None:
        _session(client).interrupt()

    async def _mute(self, client: Client, data: Any) -> None:
        session, muted = _session(client), events.parse_flag(data)
        session.mute(muted)

    async def _update(self, client: Client, data: Any) -> None:
        session, update = _session(client), events.Update.parse(data)
        changes = dict(update.changes)
        if update.agent_set is not None:
            changes["agents"] = self._sessions.find_agents(update.agent_set)
        session.update(**changes)

    async def _leave(self, client: Client, data: Any) -> None:
        await self._end(client, _session(client), Ending.LEFT)

    async def _end(self, client: Client, session: Session, reason: str) -> None:
        """End a session, and acknowledge that after its last words."""
        await self._sessions.end(session, reason)
        await client.flushed()
        client.session = None


def _payload(name: str, args: tuple[Any, ...]) -> Any:
    """An event has one argument; ``send_audio`` may have two."""
    if name == "send_audio":
        return args
    return args[0] if args else None


def _session(client: Client) -> Session:
    if client.session is None or client.session.ended:
        raise GatewayError(ErrorCode.NO_SESSION, "join_session comes first")
    return client.session


def _closing() -> GatewayError:
    return GatewayError(ErrorCode.NO_SESSION, "the connection is closing")


def _refuse(client: Client | None, error: GatewayError) -> Ack:
    """Tell a failure twice, as the contract has it: in the acknowledgement and as ``error``."""
    if client is not None:
        client.put("error", events.failure(error))
    return {"ok": False, "error": events.failure(error)}
