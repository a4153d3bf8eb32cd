"""A session for a client of the Realtime protocol: by its key, its query, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.client_wishes import of
from gateway.core.control import ALL_RIGHTS, Control, Right
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.session_updates import merged
from gateway.realtime.client_events import ClientEventError
from gateway.session import Session
from gateway.session_settings import SessionSettings
from gateway.sessions import Sessions
from signaling.caller import Caller
from signaling.session_config import SessionConfig

MAX_MODEL_NAME = 256


def rights_of(sessions: Sessions, *, trusted: bool = False) -> frozenset[Right]:
    """What a client may change although agents run the call.

    :param trusted: it is a server that controls the call, not the caller.
    """
    return ALL_RIGHTS if trusted else sessions.defaults.rights


def open_session(
    sessions: Sessions,
    user_id: str,
    caller: Caller,
    session: Mapping[str, Any],
    model: str | None = None,
    context: str | None = None,
    *,
    door: str = "",
) -> Session:
    """Start a session that lives as long as its client.

    :param caller: whose it is; what a key is bound to goes before what its client asks for, and who
        runs the session is the key's to say.
    :param session: the session object that the client sent; may be empty.
    :param context: what its agents are told of who calls.
    :param door: as :meth:`Sessions.open` takes it.
    :raises GatewayError: ``bad_request`` or ``too_large``, or as :meth:`Sessions.open`.
    """
    asked, granted = SessionConfig.parse(session), caller.grant.config
    model = model or granted.model or asked.model
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    control = sessions.defaults.control if granted.control is None else Control(granted.control)
    wanted = granted.settings()
    if control is Control.PASS_THROUGH:
        wanted["client_session"] = merged(granted.session, asked.session)
    opened = sessions.open(
        caller.name or user_id,
        owner=caller.owner,
        model=model,
        door=door,
        ends_with_leg=True,
        agent_set=granted.agent_set or asked.agent_set,
        control=control,
        context=context,
        **wanted,
    )
    opened.channel.rights = rights_of(sessions)
    if control is Control.AGENTS:
        tools = {"tools": granted.session.get("tools")}
        try:
            wishes = {
                **_wishes(tools, ALL_RIGHTS, opened.settings),
                **_wishes(asked.session, opened.channel.rights, opened.settings),
            }
        except GatewayError:
            opened.end("its session object cannot be used")
            raise
        if wishes:
            opened.update(**wishes)
    return opened


def _wishes(
    session: Mapping[str, Any], rights: frozenset[Right], settings: SessionSettings
) -> dict[str, Any]:
    try:
        return of(session, rights, settings)
    except ClientEventError as error:
        raise GatewayError(ErrorCode.BAD_REQUEST, error.message) from None
