"""Which control a session gets."""

from __future__ import annotations

from collections.abc import Callable

from gateway.conversation import Conversation
from gateway.core.control import Control
from gateway.core.events import SessionEvent
from gateway.realtime import protocol
from gateway.session_agents import SessionAgents
from gateway.session_call import SessionCall
from gateway.session_passthrough import PassThrough
from gateway.session_settings import SessionSettings


def control_of(
    session_id: str,
    settings: SessionSettings,
    conversation: Conversation,
    *,
    emit: Callable[[SessionEvent], None],
    send: Callable[[protocol.Event], None],
    configure: Callable[[], None],
    leg: Callable[[], object],
    hang_up: Callable[[], None],
) -> tuple[SessionAgents | PassThrough, SessionCall]:
    """The control that ``settings`` ask for, and the call in its hands; for the parameters see
    :class:`SessionAgents`.
    """
    if settings.control is Control.PASS_THROUGH:
        return PassThrough(settings, conversation, send, configure), SessionCall(leg, emit)
    agents = SessionAgents(
        session_id,
        settings,
        conversation,
        emit=emit,
        send=send,
        configure=configure,
        leg=leg,
        hang_up=hang_up,
    )
    return agents, agents.call
