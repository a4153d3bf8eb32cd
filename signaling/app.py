"""The gateway put together: one aiohttp application with all doors; start, drain, stop."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import structlog
from aiohttp import web

from gateway.agents.agent import AgentSet, AgentSetError
from gateway.agents.registry import AgentSets
from gateway.agents.text_model import TextModel
from gateway.audit.audit import NO_AUDIT
from gateway.audit.log import AuditLog
from gateway.config import Settings, SettingsError
from gateway.core.lifetime import SessionLimits
from gateway.core.usage import price_of
from gateway.json_settings import merged
from gateway.local_model.process import EmbeddedModel
from gateway.media import libopus
from gateway.media.addresses import MediaAddresses, NoMediaAddress
from gateway.media.ice_servers import ice_options
from gateway.media.ports import UdpPorts
from gateway.media.raw_pcm import PcmFormat
from gateway.media.seams import check_seams
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime.wire import Endpoint
from gateway.recording.recorder import Recorder, RecordSettings
from gateway.recording.retention import Retention
from gateway.session_usage import CostRules
from gateway.sessions import SessionDefaults, Sessions
from gateway.webhook_settings import webhook_key
from signaling.auditing import audit_log, known_actor, note_expired
from signaling.buckets import Buckets
from signaling.call_control import CallControlDoor
from signaling.call_rate import RATE, call_rate
from signaling.calls import CallsDoor
from signaling.client_secrets import ClientSecretsDoor
from signaling.first_requests import KEEP_ALIVE, FirstRequests
from signaling.http import HttpDoor, cors
from signaling.http_errors import errors
from signaling.http_log import ServerLog
from signaling.ice import IceServers
from signaling.keys import EphemeralKeys
from signaling.live_calls import LiveCalls
from signaling.loop_lag import LoopLag
from signaling.observing import Observing
from signaling.openapi import OpenApiDoor
from signaling.origins import Origins
from signaling.phone_calls import PhoneCallsDoor
from signaling.realtime_socket import RealtimeDoor
from signaling.recordings import RecordingsDoor
from signaling.request_ids import request_ids, say_id
from signaling.session_config import SessionConfig
from signaling.sip.door import SipCannotListen, SipDoor, SipOptions
from signaling.sip.ice_servers import PhoneIceServers
from signaling.sip.person import person_of
from signaling.sip.reception import Reception
from signaling.sip.trunk import TrunkError
from signaling.socketio import SocketIoDoor
from signaling.tls import CertificateError, ServerCertificate
from signaling.watched import Watched
from signaling.webhook_sender import WebhookSender
from signaling.whip import WhipDoor

if TYPE_CHECKING:
    from gateway.agents.responses_api import ResponsesModel

log = structlog.get_logger(__name__)

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that HTTP requests have to end when the gateway stops."""

LINGERING_TIME = 0.5
"""Seconds for which the rest of a body is read after it was refused, so that the client gets to
read why.
"""


class CannotListen(Exception):
    """The address is taken, or not of this machine: one sentence says which."""


class Gateway:
    """A gateway that serves: ``await start()``, use :attr:`url`, ``await stop()``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: EmbeddedModel | None = None
        self._text_model: ResponsesModel | None = None
        self.audit: AuditLog | None = None
        self.recorder: Recorder | None = None
        self._runner: web.AppRunner | None = None
        self._first_requests = FirstRequests()
        self._observing: Observing | None = None
        self._door: SocketIoDoor | None = None
        self._certificates: list[ServerCertificate] = []
        self.sip: SipDoor | None = None
        self.sessions: Sessions | None = None
        self.live: LiveCalls | None = None
        self.url = ""
        self.model_name = ""

    async def start(self) -> None:
        """Bind, and start the embedded model if it is the one to answer.

        :raises SettingsError: a setting names what does not exist.
        :raises SeamError, OpusUnavailable, ModelUnavailable, CannotListen: with one sentence that
            says what is missing.
        """
        settings = self._settings
        agent_sets, agents = _agents(settings)
        addresses, ice_servers = _addresses(settings), _ice_servers(settings)
        certificate = self._certificate("TLS", settings.tls_cert, settings.tls_key)
        sip_options = self._sip_options(certificate)
        check_seams()
        libopus.load()
        endpoint = await self._model()
        self._text_model = _text_model(settings)
        self.audit = audit_log(settings)
        self.recorder = _recorder(settings, self.audit)
        self.sessions = sessions = Sessions(
            replace(
                _defaults(settings, agent_sets, agents, self._text_model),
                recorder=self.recorder,
                audit=self.audit or NO_AUDIT,
            ),
            WebRtcConfig(addresses, lambda: ice_servers.for_user("gateway")),
            lambda model: replace(endpoint, model=model or endpoint.model),
        )
        origins = Origins(settings.allowed_origins)
        keys = EphemeralKeys()
        self._door = SocketIoDoor(sessions, origins, ice_servers, settings.max_audio_size, keys)
        self.live = live = LiveCalls(sessions, keys)
        rates, webhooks = Buckets(*RATE), _webhooks(settings)
        app = web.Application(
            middlewares=[request_ids, cors(origins), errors, call_rate(rates), known_actor]
        )
        app.middlewares.insert(0, self._first_requests.middleware)
        app.on_response_prepare.append(say_id)
        app.add_routes(self._door.routes())
        app.add_routes(OpenApiDoor().routes())
        app.add_routes(CallsDoor(sessions, keys, live).routes())
        app.add_routes(RealtimeDoor(sessions, keys, live, origins).routes())
        app.add_routes(CallControlDoor(sessions, live).routes())
        app.add_routes(WhipDoor(sessions, keys, live, ice_servers).routes())
        if self.recorder is not None:
            app.add_routes(RecordingsDoor(self.recorder, sessions.audit).routes())
        shown = {"model": settings.realtime_model, "voice": settings.realtime_voice}
        defaults = SessionConfig.parse({**shown, "agentSet": agents.name})
        app.add_routes(ClientSecretsDoor(sessions, keys, defaults).routes())
        try:
            self.sip = SipDoor(sessions, origins, sip_options, Reception(sessions, live, webhooks))
        except TrunkError as error:
            raise SettingsError(str(error)) from None
        app.add_routes(self.sip.routes())
        app.add_routes(PhoneIceServers(ice_servers, sip_options.users).routes())
        app.add_routes(PhoneCallsDoor(self.sip, live).routes())
        url = _without_query(endpoint.url)
        self._observing = observing = Observing(
            Watched(
                *(sessions, url, LoopLag(), rates, self._door, self._embedded, self.recorder),
                *(webhooks, self.sip),
            )
        )
        app.add_routes(HttpDoor(sessions, observing.health.report).routes())
        app.add_routes(observing.routes())
        try:
            await self.sip.start()
        except SipCannotListen as error:
            raise CannotListen(str(error)) from None
        await self._listen(app, certificate)
        for each in self._certificates:
            each.watch()

    async def _listen(self, app: web.Application, certificate: ServerCertificate | None) -> None:
        host = self._settings.host
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=ServerLog(),
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
            lingering_time=LINGERING_TIME,
        )
        await self._runner.setup()
        try:
            tls = None if certificate is None else certificate.context
            await web.TCPSite(self._runner, host, self._settings.port, ssl_context=tls).start()
        except OSError as error:
            # asyncio's own text repeats the address; a name that is unknown has no error number.
            errno = error.errno or 0
            reason = os.strerror(errno) if errno > 0 else str(error.strerror)
            address = f"HOST={host} PORT={self._settings.port}"
            raise CannotListen(f"cannot listen on {address}: {reason.lower()}") from None
        assert self._runner.server is not None
        self._first_requests.watch(self._runner.server)
        port = self._runner.addresses[0][1]
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def _certificate(
        self, prefix: str, chain: Path | None, key: Path | None
    ) -> ServerCertificate | None:
        """That of two settings, which begin with ``prefix``."""
        if chain is None:
            if key is not None:
                raise SettingsError(f"{prefix}_KEY is there: {prefix}_CERT is missing")
            return None
        try:
            certificate = ServerCertificate(chain, key)
        except CertificateError as error:
            raise SettingsError(f"{prefix}_CERT, {prefix}_KEY: {error}") from None
        self._certificates.append(certificate)
        return certificate

    def _sip_options(self, of_http: ServerCertificate | None) -> SipOptions:
        settings = self._settings
        certificate = self._certificate("SIP_TLS", settings.sip_tls_cert, settings.sip_tls_key)
        certificate = certificate or of_http
        if certificate is None and any(each.transport == "tls" for each in settings.sip_listen):
            raise SettingsError("SIP_LISTEN has a tls address: SIP_TLS_CERT is missing")
        users = {name: password.get_secret_value() for name, password in settings.sip_users.items()}
        tls = None if certificate is None else certificate.context
        return SipOptions(
            settings.sip_listen,
            users,
            settings.public_address,
            tls,
            settings.sip_trunks,
            closed=bool(settings.sip_trunks) and not settings.allow_anonymous,
            transfer_to=person_of(settings),
        )

    async def _model(self) -> Endpoint:
        settings = self._settings
        if settings.embedded_model:
            self._embedded = EmbeddedModel()
            self.model_name = "embedded"
            return Endpoint(
                await self._embedded.start(),
                settings.realtime_model,
                append_ms=settings.realtime_append_ms,
                session_limit=settings.realtime_session_limit,
            )
        self.model_name = _without_query(settings.realtime_url)
        key = settings.openai_api_key
        return Endpoint(
            settings.realtime_url,
            settings.realtime_model,
            key.get_secret_value() if key is not None else None,
            settings.realtime_append_ms,
            settings.realtime_session_limit,
        )

    async def stop(self, drain: float = 0.0) -> None:
        """Take no more calls, let live ones finish for ``drain`` seconds, and leave nothing
        behind.
        """
        if self.sessions is not None:
            await self.sessions.drain(drain)
        if self.recorder is not None:
            await self.recorder.close()
        if self._runner is not None:
            for site in self._runner.sites:
                await site.stop()
        if self._door is not None:
            await self._door.close()
        if self.sip is not None:
            await self.sip.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._first_requests.close()
        if self._observing is not None:
            await self._observing.close()
        if self._embedded is not None:
            await self._embedded.stop()
        if self._text_model is not None:
            await self._text_model.close()
        for certificate in self._certificates:
            await certificate.close()
        if self.audit is not None:
            await self.audit.close()


def _agents(settings: Settings) -> tuple[AgentSets, AgentSet]:
    """All agent sets, and the one that answers."""
    try:
        agent_sets = AgentSets.installed()
    except AgentSetError as error:
        raise SettingsError(str(error)) from None
    try:
        return agent_sets, agent_sets.choose(settings.agent_set)
    except AgentSetError as error:
        raise SettingsError(f"AGENT_SET={settings.agent_set}: {error}") from None


def _text_model(settings: Settings) -> ResponsesModel | None:
    if settings.text_model_url is None:
        return None
    # Takes most of a second, which a gateway without it need not wait.
    from gateway.agents.responses_api import ResponsesModel

    key = settings.openai_api_key
    return ResponsesModel(
        settings.supervisor_model,
        key.get_secret_value() if key is not None else None,
        settings.text_model_url,
    )


def _defaults(
    settings: Settings,
    agent_sets: AgentSets,
    agents: AgentSet,
    text_model: TextModel | None,
) -> SessionDefaults:
    return SessionDefaults(
        agent_set=agents.name,
        agent_sets=agent_sets,
        text_model=text_model,
        control=settings.client_control,
        rights=settings.client_may_change,
        voice=settings.realtime_voice,
        transcription_model=settings.transcription_model,
        limits=SessionLimits(settings.session_idle_timeout, settings.session_max_duration),
        reconnect_grace=settings.reconnect_grace,
        max_sessions=settings.max_sessions,
        costs=_costs(settings),
        pcm=PcmFormat(settings.audio_sample_rate, settings.audio_channels),
    )


def _recorder(settings: Settings, audit: AuditLog | None) -> Recorder | None:
    if settings.record_dir is None:
        return None
    retention = Retention(settings.record_max_days, settings.record_max_bytes)
    recorder = Recorder(
        RecordSettings(
            settings.record_dir,
            settings.record_format,
            settings.record_packets,
            retention,
            settings.record_notice or "",
        ),
        lambda session_id: note_expired(audit, session_id),
    )
    try:
        recorder.start()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"RECORD_DIR={settings.record_dir}: {reason}") from None
    return recorder


def _costs(settings: Settings) -> CostRules:
    if settings.embedded_model:
        return CostRules({})
    prices = merged(settings.model_prices)
    limit, model = settings.max_cost_per_session, settings.realtime_model
    if limit is not None and price_of(model, prices) is None:
        raise SettingsError(
            f"MAX_COST_PER_SESSION={limit:g}: MODEL_PRICES has no price of REALTIME_MODEL={model}"
        )
    return CostRules(prices, limit)


def _addresses(settings: Settings) -> MediaAddresses:
    try:
        return MediaAddresses.choose(
            settings.public_address,
            _is_loopback(settings.host),
            settings.media_interfaces,
            UdpPorts(*(settings.udp_port_range or ())),
        )
    except NoMediaAddress as error:
        raise SettingsError(str(error)) from None


def _webhooks(settings: Settings) -> WebhookSender | None:
    url, secret = settings.sip_webhook_url, settings.sip_webhook_secret
    if url is None or secret is None:
        return None
    return WebhookSender(url, webhook_key(secret.get_secret_value()))


def _ice_servers(settings: Settings) -> IceServers:
    secret = settings.turn_secret
    servers = IceServers(
        settings.ice_servers,
        secret.get_secret_value() if secret is not None else None,
        settings.session_max_duration,
    )
    try:
        ice_options(servers.for_user("gateway"))
    except ValueError as error:
        raise SettingsError(f"ICE_SERVERS: {error}") from None
    return servers


def _without_query(url: str) -> str:
    """``url`` as it may be shown: some servers take a key in the query."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
