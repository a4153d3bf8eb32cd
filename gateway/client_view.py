"""What a client sees of a call that agents run: not their instructions, nor what they do with their
tools. The client could not answer those calls, and OpenAI's own ones fail over them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.realtime.protocol import Event, for_client

MAX_HIDDEN: Final = 1_000
"""Items remembered; the oldest go first."""


class AgentsView:
    """One session's view, in the order of its events.

    :param is_clients: whether a tool of that name is the client's own.
    """

    def __init__(self, is_clients: Callable[[str], bool]) -> None:
        self._is_clients = is_clients
        self._hidden: dict[str, None] = {}
        self._clients_calls: dict[str, None] = {}

    def __call__(self, event: Event) -> Event | None:
        """The event as the client sees it; None: not at all."""
        match event:
            case {"item": {"type": "function_call" | "function_call_output"} as item}:
                return None if self._hides(item) else event
            case {"item_id": str(item_id)} if item_id in self._hidden:
                return None
            case {"response": {"output": list(items)} as response}:
                shown = [item for item in items if not self._hides(item)]
                return {**event, "response": {**response, "output": shown}}
            case {"session": dict(session)}:
                return {**event, "session": self.session(session)}
        return for_client(event)

    def session(self, session: dict[str, Any]) -> dict[str, Any]:
        """A session object."""
        shown = {k: v for k, v in session.items() if k not in ("instructions", "prompt", "tools")}
        tools = session.get("tools") or []
        shown["tools"] = [tool for tool in tools if self._is_clients(tool.get("name", ""))]
        return shown

    def _hides(self, item: Any) -> bool:
        match item:
            case {"type": "function_call", "name": str(name)} if not self._is_clients(name):
                _remember(self._hidden, item.get("id"))
                return True
            case {"type": "function_call"}:
                _remember(self._clients_calls, item.get("call_id"))
            case {"type": "function_call_output", "call_id": call_id}:
                return call_id not in self._clients_calls
        return False


def _remember(known: dict[str, None], name: Any) -> None:
    if isinstance(name, str):
        known[name] = None
        if len(known) > MAX_HIDDEN:
            del known[next(iter(known))]
