"""``/api/sessions``: the live calls, for operators. What was said is not among it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.audit.actor import acting
from gateway.core.call_sheet import CallSheet
from gateway.core.ending import Ending
from gateway.core.events import CallStats
from gateway.core.observer import CallFacts, CallObserver
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.http_errors import not_found

_SESSIONS: Final = "/api/sessions"
_SESSION: Final = f"{_SESSIONS}/{{id}}"

_QUALITY: Final[Mapping[str, str]] = {
    "rttMs": "rtt_ms",
    "jitterMs": "jitter_ms",
    "lossPercent": "loss_percent",
    "remoteLossPercent": "remote_loss_percent",
    "concealedPercent": "concealed_percent",
    "bufferMs": "buffer_ms",
}


class OperatorsDoor:
    """Looks on at all sessions from now on."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._sheets: dict[str, CallSheet] = {}
        self._clock = asyncio.get_running_loop().time
        sessions.observe.append(self._observe)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_SESSIONS, self._list),
            web.get(_SESSION, self._look),
            web.post(f"{_SESSION}/hangup", self._hang_up),
        ]

    def _observe(self, facts: CallFacts) -> CallObserver:
        for over in [id for id, sheet in self._sheets.items() if sheet.ended_at is not None]:
            del self._sheets[over]
        self._sheets[facts.session_id] = sheet = CallSheet(facts)
        return sheet

    async def _list(self, request: web.Request) -> web.Response:
        """``{sessions: […]}``, the longest first."""
        shown = [self._shown(each) for each in self._sessions if each.id in self._sheets]
        return web.json_response({"sessions": shown}, headers={"Cache-Control": "no-store"})

    async def _look(self, request: web.Request) -> web.Response:
        """The same of one, and its ``timeLine``."""
        session = self._find(request)
        time_line = list(self._sheets[session.id].entries)
        body = {**self._shown(session), "timeLine": time_line}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _hang_up(self, request: web.Request) -> web.Response:
        """End it; answered when nothing of it is left."""
        session = self._find(request)
        self._sessions.audit.note("session.hangup", acting(), session.id)
        await self._sessions.end(session, Ending.CONTROLLED)
        return web.Response()

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


def _quality(stats: CallStats | None) -> dict[str, Any] | None:
    if stats is None:
        return None
    return {name: getattr(stats, field) for name, field in _QUALITY.items()}
