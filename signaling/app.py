"""The gateway put together: one aiohttp application with all doors; start, drain, stop."""

from __future__ import annotations

import ipaddress

import structlog
from aiohttp import web
from gateway.local_model.process import EmbeddedModel

from gateway.config import Settings
from gateway.media.ice import MediaAddresses
from gateway.media.seams import check_seams
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime.client import Endpoint
from gateway.session import SessionLimits
from gateway.sessions import SessionDefaults, Sessions, find_agent_set
from signaling.calls import CallsDoor
from signaling.http import HttpDoor, cors
from signaling.origins import Origins
from signaling.socketio import SocketIoDoor

log = structlog.get_logger(__name__)


class Gateway:
    """A gateway that serves: ``await start()``, use :attr:`url`, ``await stop()``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: EmbeddedModel | None = None
        self._runner: web.AppRunner | None = None
        self._door: SocketIoDoor | None = None
        self.sessions: Sessions | None = None
        self.url = ""
        self.model_name = ""

    async def start(self) -> None:
        """Bind, and start the embedded model if it is the one to answer.

        :raises SeamError, GatewayError, ModelUnavailable, OSError: with one sentence that says what
            is missing.
        """
        check_seams()
        settings = self._settings
        find_agent_set(settings.agent_set)
        endpoint = await self._model()
        ice_servers = [server.as_dict() for server in settings.ice_servers]
        media = WebRtcConfig(
            MediaAddresses.choose(settings.public_address, _is_loopback(settings.host)), ice_servers
        )
        self.sessions = sessions = Sessions(
            SessionDefaults(
                agent_set=settings.agent_set,
                voice=settings.realtime_voice,
                transcription_model=settings.transcription_model,
                limits=SessionLimits(settings.session_idle_timeout, settings.session_max_duration),
                reconnect_grace=settings.reconnect_grace,
                max_sessions=settings.max_sessions,
            ),
            media,
            lambda model: Endpoint(endpoint.url, model or endpoint.model, endpoint.api_key),
        )
        origins = Origins(settings.allowed_origins)
        app = web.Application(middlewares=[cors(origins)])
        self._door = SocketIoDoor(sessions, origins, ice_servers)
        self._door.attach(app)
        app.add_routes(HttpDoor(sessions, endpoint.url).routes())
        app.add_routes(CallsDoor(sessions).routes())
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, settings.host, settings.port)
        await site.start()
        port = self._runner.addresses[0][1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{port}"

    async def _model(self) -> Endpoint:
        settings = self._settings
        if settings.embedded_model:
            self._embedded = EmbeddedModel()
            self.model_name = "embedded"
            return Endpoint(await self._embedded.start(), settings.realtime_model)
        self.model_name = settings.realtime_url
        key = settings.openai_api_key
        return Endpoint(
            settings.realtime_url,
            settings.realtime_model,
            key.get_secret_value() if key is not None else None,
        )

    async def stop(self, drain: float = 0.0) -> None:
        """Take no more calls, let live ones finish for ``drain`` seconds, and leave nothing
        behind.
        """
        if self.sessions is not None:
            await self.sessions.drain(drain)
        if self._door is not None:
            await self._door.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._embedded is not None:
            await self._embedded.stop()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
