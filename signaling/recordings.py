"""The recordings over HTTP: which there are, their files, and their end.

Whoever opened a session has its recording; an operator has all.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.audit.actor import acting
from gateway.audit.audit import NO_AUDIT, Audit
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import SAMPLE_RATE
from gateway.recording import store
from gateway.recording.recorder import Recorder
from gateway.recording.store import Kept
from signaling.auth import CALLER, authorise
from signaling.caller import Caller, Scope

MAX_LISTED: Final = 1000
DEFAULT_LISTED: Final = 100

_TYPES: Final = {
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_RECORDINGS: Final = "/api/recordings"
_RECORDING: Final = _RECORDINGS + "/{id}"


class RecordingsDoor:
    def __init__(self, recorder: Recorder, audit: Audit = NO_AUDIT) -> None:
        self._recorder = recorder
        self._audit = audit
        self._root = recorder.settings.root

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get(_RECORDINGS, self._list),
            web.get(_RECORDING, self._look),
            web.delete(_RECORDING, self._delete),
            web.get(_RECORDING + "/{file}", self._file),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        """The latest first; ``?limit=``, and ``?before=`` the id that a page ended with."""
        limit, before = _limit(request), request.query.get("before")
        caller = _admitted(request)
        recordings = [
            each
            for each in await asyncio.to_thread(store.kept, self._root)
            if caller.owns(each.about.get("owner"))
        ]
        if before is not None:
            ids = [recording.session_id for recording in recordings]
            if before not in ids:
                raise GatewayError(ErrorCode.BAD_REQUEST, "before: there is no such recording")
            recordings = recordings[ids.index(before) + 1 :]
        page = recordings[:limit]
        body = {"recordings": [_told(r) for r in page], "more": len(recordings) > limit}
        return web.json_response(body, headers=_HEADERS)

    async def _look(self, request: web.Request) -> web.Response:
        return web.json_response(_told(await self._find(request)), headers=_HEADERS)

    async def _find(self, request: web.Request) -> Kept:
        """:raises HTTPNotFound: also of a recording in another's hand."""
        caller = _admitted(request)
        try:
            found = await asyncio.to_thread(store.find, self._root, request.match_info["id"])
        except store.NoRecording:
            raise web.HTTPNotFound from None
        if not caller.owns(found.about.get("owner")):
            raise web.HTTPNotFound
        return found

    async def _file(self, request: web.Request) -> web.StreamResponse:
        await self._find(request)
        session_id, name = request.match_info["id"], request.match_info["file"]
        try:
            path = await asyncio.to_thread(store.file_of, self._root, session_id, name)
        except store.NoRecording:
            raise web.HTTPNotFound from None
        self._audit.note("recording.read", acting(), session_id, file=name)
        disposition = f'attachment; filename="{session_id}-{name}"'
        headers = {
            **_HEADERS,
            "Content-Type": _TYPES[path.suffix],
            "Content-Disposition": disposition,
        }
        return web.FileResponse(path, headers=headers)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._find(request)
        if self._recorder.records(request.match_info["id"]):
            raise web.HTTPConflict
        self._audit.note("recording.delete", acting(), request.match_info["id"])
        try:
            await asyncio.to_thread(store.delete, self._root, request.match_info["id"])
        except store.NoRecording:
            raise web.HTTPNotFound from None
        except store.StillLive:
            raise web.HTTPConflict from None
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _admitted(request: web.Request) -> Caller:
    """:raises Refused: ``forbidden``: it is nobody whom a recording could belong to."""
    caller = request[CALLER]
    if caller.owner is None or caller.grant.key_id is not None:
        authorise(request, Scope.ADMIN)
    return caller


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(DEFAULT_LISTED))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LISTED):
        raise GatewayError(ErrorCode.BAD_REQUEST, f"limit: expected 1 to {MAX_LISTED}")
    return int(text)


def _told(recording: Kept) -> dict[str, Any]:
    about = recording.about
    samples = about.get("samples")
    return {
        "sessionId": recording.session_id,
        "userId": about.get("userId"),
        "agentSet": about.get("agentSet"),
        "startedAt": recording.started_at,
        "endedAt": about.get("endedAt"),
        "durationMs": samples * 1000 // SAMPLE_RATE if isinstance(samples, int) else None,
        "reason": about.get("reason"),
        "live": recording.live,
        "bytes": recording.size,
        "files": recording.files,
    }
