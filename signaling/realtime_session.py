"""A session for a client of the Realtime protocol: by its key, its query, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.client_wishes import of
from gateway.core.control import ALL_RIGHTS, Control, Right
from gateway.core.events import ErrorCode, GatewayError
from gateway.realtime.client_events import ClientEventError
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.keys import KeySession

MAX_MODEL_NAME = 256


def rights_of(sessions: Sessions, *, trusted: bool = False) -> frozenset[Right]:
    """What a client may change although agents run the call.

    :param trusted: it is a server that controls the call, not the caller.
    """
    return ALL_RIGHTS if trusted else sessions.defaults.rights


def open_session(
    sessions: Sessions,
    user_id: str,
    granted: KeySession,
    session: Mapping[str, Any],
    model: str | None = None,
) -> Session:
    """Start a session that lives as long as its client.

    :param granted: what its key is bound to.
    :param session: the session object that it sent; may be empty.
    :raises GatewayError: ``bad_request``, or as :meth:`Sessions.open`.
    """
    asked = session.get("model")
    model = model or granted.model or (asked if isinstance(asked, str) else None)
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    control = sessions.defaults.control
    opened = sessions.open(
        user_id,
        model=model,
        ends_with_leg=True,
        agent_set=granted.agent_set,
        instructions=granted.instructions,
        voice=granted.voice,
        control=control,
        client_session=_merged(granted, session) if control is Control.PASS_THROUGH else None,
    )
    opened.channel.rights = rights_of(sessions)
    if control is Control.AGENTS and session:
        try:
            wishes = of(session, opened.channel.rights, opened.settings)
        except ClientEventError as error:
            opened.end("its session object cannot be used")
            raise GatewayError(ErrorCode.BAD_REQUEST, error.message) from None
        if wishes:
            opened.update(**wishes)
    return opened


def _merged(granted: KeySession, session: Mapping[str, Any]) -> dict[str, Any]:
    own = {} if granted.instructions is None else {"instructions": granted.instructions}
    return {**own, **session}
