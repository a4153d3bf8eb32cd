"""The house's rules as tables: what :mod:`tests.test_architecture` reads the source for."""

from __future__ import annotations

# A room may import itself, the rooms named here, and nothing else of ours. "gateway" itself is only
# its __init__: a new file beside config.py is a new room and gets a line here.
ROOMS: dict[str, frozenset[str]] = {
    "gateway": frozenset(),
    "gateway.core": frozenset(),
    "gateway.telemetry": frozenset(),
    "gateway.json_settings": frozenset({"gateway.core"}),
    "gateway.sip_settings": frozenset(),
    "gateway.trunk_settings": frozenset({"gateway.json_settings", "gateway.sip_settings"}),
    "gateway.guard_settings": frozenset(),
    "gateway.webhook_settings": frozenset(),
    "gateway.redis_settings": frozenset(),
    "gateway.config": frozenset(
        {f"gateway.{of}_settings" for of in ("guard", "json", "redis", "sip", "trunk", "webhook")}
        | {"gateway.core", "gateway.telemetry"}
    ),
    "gateway.media": frozenset({"gateway.core"}),
    "gateway.realtime": frozenset({"gateway.core"}),
    "gateway.agents": frozenset({"gateway.core"}),
    "gateway.local_model": frozenset(
        {"gateway.core", "gateway.media", "gateway.realtime", "gateway.telemetry"}
    ),
    "gateway.handover": frozenset({"gateway.core", "gateway.realtime"}),
    "gateway.prompting": frozenset({"gateway.core", "gateway.realtime", "gateway.session_parts"}),
    "gateway.conversation": frozenset({"gateway.core", "gateway.handover", "gateway.realtime"}),
    "gateway.heartbeat": frozenset(),
    "gateway.recording": frozenset({"gateway.core", "gateway.media", "gateway.heartbeat"}),
    "gateway.keypad": frozenset(),
    "gateway.audit": frozenset({"gateway.core", "gateway.recording"}),
    "client": frozenset(),
}
ROOMS["gateway.session_offer"] = frozenset({"gateway.core", "gateway.media"})
ROOMS["gateway.session_settings"] = frozenset(
    {"gateway.agents", "gateway.core", "gateway.realtime"}
)
ROOMS["gateway.session_call"] = frozenset({"gateway.agents", "gateway.core", "gateway.media"})
ROOMS["gateway.session_agents"] = frozenset(
    {
        "gateway.session_call",
        "gateway.agents",
        "gateway.conversation",
        "gateway.core",
        "gateway.realtime",
        "gateway.session_settings",
    }
)
ROOMS["gateway.session_guard"] = ROOMS["gateway.session_usage"] = frozenset(
    {"gateway.agents", "gateway.conversation", "gateway.core", "gateway.realtime"}
)
ROOMS["gateway.session_watch"] = ROOMS["gateway.session_guard"] | {
    *("gateway.session_control", "gateway.session_guard", "gateway.session_usage")
}
ROOMS["gateway.session_control"] = ROOMS["gateway.session_settings"] | {"gateway.session_settings"}
ROOMS["gateway.session_passthrough"] = ROOMS["gateway.session_control"] | {"gateway.conversation"}
ROOMS["gateway.session_controls"] = ROOMS["gateway.session_agents"] | {
    *("gateway.session_agents", "gateway.session_passthrough")
}
ROOMS["gateway.client_view"] = frozenset({"gateway.realtime"})
ROOMS["gateway.client_line"] = frozenset({"gateway.core", "gateway.media", "gateway.realtime"})
ROOMS["gateway.client_wishes"] = ROOMS["gateway.client_line"] | {"gateway.session_settings"}
ROOMS["gateway.session_parts"] = ROOMS["gateway.session_passthrough"] | {
    *("gateway.session_control", "gateway.session_model", "gateway.session_passthrough"),
    "gateway.uplink",
}
ROOMS["gateway.client_uploads"] = frozenset({"gateway.media"})
ROOMS["gateway.client_requests"] = ROOMS["gateway.client_line"] | {
    *("gateway.client_line", "gateway.client_uploads", "gateway.client_wishes"),
    "gateway.session_parts",
}
ROOMS["gateway.session_clients"] = ROOMS["gateway.client_requests"] | {
    *("gateway.client_requests", "gateway.client_view")
}
ROOMS["gateway.session_channel"] = ROOMS["gateway.client_line"] | {
    *("gateway.client_line", "gateway.session_clients")
}
ROOMS["gateway.uplink"] = frozenset({"gateway.core", "gateway.media", "gateway.realtime"})
ROOMS["gateway.session_proposal"] = frozenset(
    {"gateway.core", "gateway.media", "gateway.session_offer"}
)
ROOMS["gateway.session_legs"] = frozenset(
    {
        "gateway.session_proposal",
        "gateway.conversation",
        "gateway.core",
        "gateway.media",
        "gateway.realtime",
        "gateway.session_offer",
    }
)
ROOMS["gateway.call_levels"] = frozenset({"gateway.core"})
ROOMS["gateway.listening"] = frozenset(
    {"gateway.core", "gateway.media", "gateway.session_legs", "gateway.session_offer"}
)
ROOMS["gateway.session_model"] = frozenset(
    {"gateway.conversation", "gateway.core", "gateway.realtime", "gateway.telemetry"}
)
ROOMS["gateway.taping"] = frozenset({"gateway.conversation", "gateway.core", "gateway.realtime"})
ROOMS["gateway.replaying"] = ROOMS["gateway.taping"] | {"gateway.recording", "gateway.taping"}
ROOMS["gateway.session_record"] = frozenset(
    {
        *("gateway.conversation", "gateway.core", "gateway.media", "gateway.realtime"),
        *("gateway.recording", "gateway.session_offer", "gateway.taping"),
    }
)
ROOMS["gateway.session"] = ROOMS["gateway.session_watch"] | {
    "gateway.session_channel",
    "gateway.session_clients",
    "gateway.session_controls",
    "gateway.recording",
    "gateway.session_record",
    "gateway.session_call",
    "gateway.session_legs",
    "gateway.session_model",
    "gateway.session_offer",
    "gateway.session_parts",
    "gateway.session_passthrough",
    "gateway.session_settings",
    "gateway.session_watch",
    "gateway.heartbeat",
    "gateway.keypad",
    "gateway.media",
    "gateway.telemetry",
    "gateway.uplink",
}
ROOMS["gateway.session_depths"] = frozenset(
    {"gateway.core", "gateway.session", "gateway.session_clients", "gateway.uplink"}
)
ROOMS["gateway.sessions"] = ROOMS["gateway.session"] | {
    *("gateway.audit", "gateway.config", "gateway.session")
}
ROOMS["signaling"] = frozenset(ROOMS)

# A foreign library is imported in the files named here only: a folder (with /) means all in it.
SINGLE_IMPORTERS: dict[str, tuple[str, ...]] = {
    "aiortc": ("gateway/media/seams.py", "client/python/"),
    "aioice": (
        "gateway/media/seams.py",
        "gateway/media/gathering.py",
        "gateway/media/relay.py",
        "client/python/",
    ),
    "G722": ("gateway/media/g722.py",),
    "ifaddr": ("gateway/media/interfaces.py",),
    "pylibsrtp": ("gateway/media/seams.py", "gateway/media/sdes_srtp.py"),
    "socketio": ("signaling/socketio.py", "signaling/engine.py", "client/python/"),
    "engineio": ("signaling/engine.py",),
    "jwt": ("signaling/keys.py", "signaling/oidc.py", "signaling/tokens.py"),
    "sipmessage": ("signaling/sip/",),
    "dns": ("signaling/sip/resolver.py",),
    "websockets": (
        "gateway/realtime/wire.py",
        "gateway/local_model/server.py",
        # The bridge that the load tool compares with, as aiortc's examples would write it.
        "client/python/bench/stock_bridge.py",
    ),
    "mcp": ("gateway/agents/mcp_server.py",),
    "openai": ("gateway/agents/responses_api.py",),
    "agents": (),
    "redis": ("signaling/cluster/redis_link.py",),
    "prometheus_client": ("signaling/metrics/",),
    "opentelemetry": ("signaling/traces.py",),
}

# core is sans-IO: the standard library, but nothing of it that waits, talks or reads a clock.
IMPURE = (
    *("asyncio", "concurrent", "multiprocessing", "sched", "signal", "subprocess", "threading"),
    *("http", "select", "selectors", "socket", "socketserver", "ssl", "urllib.request"),
    "time",
)

# Broad excepts outside tests: at a task's root, where what went wrong is logged, or to clean up and
# raise again.
BROAD_EXCEPTS: dict[str, int] = {
    "gateway/session.py": 1,  # the call's root
    "gateway/session_legs.py": 1,  # closes a leg which cannot answer, raises on
    "gateway/agents/desk.py": 1,  # the root of one tool's run
    "gateway/media/ticker.py": 1,  # the root of one call's tick among many
    "signaling/socketio.py": 1,  # the root of one client's event
    "signaling/http_errors.py": 1,  # the root of one HTTP request
}
MOST_BROAD_EXCEPTS = 6

# Modules without a test file of their own name, and why.
TESTED_ELSEWHERE: dict[str, str] = {
    "signaling/watched.py": "types only; what looks at them is in test_observing.py",
    "gateway/recording/entries.py": "types only; what each means is in test_writer.py",
}

# tests/ mirrors the tree, but for the only Python in client/.
TEST_FOLDERS = {"client/python": "client"}

LONGEST_FILE = 400
NOT_OURS = {"vendor", "node_modules", "__pycache__", "build", "dist"}
