"""What operators see and do: live calls, the last day, agents. What was said is not among it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiohttp import web

from gateway.audit.actor import acting
from gateway.call_levels import CallLevels
from gateway.core.call_history import CallHistory
from gateway.core.call_sheet import CallSheet
from gateway.core.ending import Ending
from gateway.core.events import CallStats
from gateway.core.history import History
from gateway.core.observer import CallFacts, CallObserver
from gateway.prompting import MAX_TEXT, prompt
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.bodies import read_json
from signaling.client_secrets import MAX_BODY
from signaling.events import bad_request, text_field
from signaling.http_errors import not_found
from signaling.ice import IceServers

_SESSIONS: Final = "/api/sessions"
_SESSION: Final = f"{_SESSIONS}/{{id}}"

_MILLISECONDS: Final = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch

_QUALITY: Final[Mapping[str, str]] = {
    "rttMs": "rtt_ms",
    "jitterMs": "jitter_ms",
    "lossPercent": "loss_percent",
    "remoteLossPercent": "remote_loss_percent",
    "concealedPercent": "concealed_percent",
    "bufferMs": "buffer_ms",
}


class OperatorsDoor:
    """Looks on at all sessions from now on.

    :param ice_servers: those by which an operator reaches a call that it listens to.
    """

    def __init__(self, sessions: Sessions, ice_servers: IceServers) -> None:
        self._sessions, self._ice_servers = sessions, ice_servers
        self._sheets: dict[str, CallSheet] = {}
        self._levels: WeakKeyDictionary[Session, CallLevels] = WeakKeyDictionary()
        self._clock = asyncio.get_running_loop().time
        self._history = History()
        sessions.observe += [self._observe, lambda _: CallHistory(self._history, time.time)]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_SESSIONS, self._list),
            web.get(_SESSION, self._look),
            web.post(f"{_SESSION}/hangup", self._hang_up),
            web.post(f"{_SESSION}/text", self._text),
            web.get("/api/history", self._last_day),
            web.get("/api/agents", self._agents),
        ]

    def _observe(self, facts: CallFacts) -> CallObserver:
        for over in [id for id, sheet in self._sheets.items() if sheet.ended_at is not None]:
            del self._sheets[over]
        self._sheets[facts.session_id] = sheet = CallSheet(facts)
        return sheet

    async def _list(self, request: web.Request) -> web.Response:
        """``{sessions: […]}``, the longest first; ``?timeLine=`` names one to tell with its own."""
        shown = [self._shown(each) for each in self._sessions if each.id in self._sheets]
        looked_at = request.query.get("timeLine")
        for each in shown:
            if each["id"] == looked_at:
                each["timeLine"] = list(self._sheets[each["id"]].entries)
        return _told({"sessions": shown})

    async def _look(self, request: web.Request) -> web.Response:
        """The same of one, its ``timeLine``, and the ``iceServers`` for listening in."""
        session = self._find(request)
        time_line = list(self._sheets[session.id].entries)
        servers = self._ice_servers.for_user(f"operator-{session.id}")
        return _told({**self._shown(session), "timeLine": time_line, "iceServers": servers})

    async def _hang_up(self, request: web.Request) -> web.Response:
        """End it; answered when nothing of it is left."""
        session = self._find(request)
        self._sessions.audit.note("session.hangup", acting(), session.id)
        await self._sessions.end(session, Ending.CONTROLLED)
        return web.Response()

    async def _text(self, request: web.Request) -> web.Response:
        """``{text}``: the agent is told it, and says what follows from it."""
        session = self._find(request)
        text = text_field(await read_json(request, MAX_BODY), "text", MAX_TEXT)
        if text is None or not text.strip():
            raise bad_request("text is missing")
        self._sessions.audit.note("session.prompted", acting(), session.id)
        prompt(session.parts, text)
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _last_day(self, request: web.Request) -> web.Response:
        """``{minutes: […]}`` of the last day, the oldest first; quiet ones are left out, and with
        ``?since=``, in ms since 1970, those that began before.
        """
        since = request.query.get("since", "0")
        if not _MILLISECONDS(since):
            raise bad_request("since: expected milliseconds since 1970")
        return _told({"minutes": self._history.minutes(time.time(), int(since) / 1000)})

    async def _agents(self, request: web.Request) -> web.Response:
        """``{agents: […]}``, since the gateway's start."""
        return _told({"agents": self._history.agents()})

    def _find(self, request: web.Request) -> Session:
        """:raises Refused: ``not_found``."""
        session_id = request.match_info["id"]
        for session in self._sessions:
            if session.id == session_id and session.id in self._sheets:
                return session
        raise not_found(f"there is no session {session_id[:64]!r}")

    def _shown(self, session: Session) -> dict[str, Any]:
        sheet = self._sheets[session.id]
        age = self._clock() - sheet.facts.began_at
        return {
            "id": session.id,
            "userId": session.user_id,
            "door": sheet.facts.door,
            "agentSet": session.agent_set,
            "startedAt": round(1000 * (time.time() - age)),
            "durationMs": round(1000 * age),
            "status": sheet.status.value,
            "media": sheet.leg or None,
            "codec": session.legs.codec,
            "levels": self._levels_of(session),
            "callerSpeaks": sheet.caller_speaks,
            "agentSpeaks": sheet.agent_speaks,
            "turns": sheet.turns,
            "turnLatencyMs": sheet.last_turn_ms,
            "bargeIns": sheet.barge_ins,
            "tools": sheet.tools,
            "toolErrors": sheet.tool_errors,
            "modelErrors": sheet.model_errors,
            "costUsd": sheet.cost_usd,
            "quality": _quality(sheet.stats),
        }

    def _levels_of(self, session: Session) -> dict[str, float | None]:
        levels = self._levels.get(session)
        if levels is None:
            parts = session.parts
            levels = CallLevels(parts.playout, parts.conversation.replay)
            self._levels[session] = levels
        now = levels.look()
        return {"caller": _rounded(now.caller), "agent": _rounded(now.agent)}


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 1)


def _told(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def _quality(stats: CallStats | None) -> dict[str, Any] | None:
    if stats is None:
        return None
    return {name: getattr(stats, field) for name, field in _QUALITY.items()}
