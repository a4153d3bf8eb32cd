"""The gateway put together: one aiohttp application with all doors; start, drain, stop."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from gateway.audit.audit import NO_AUDIT
from gateway.audit.log import AuditLog
from gateway.config import Settings, SettingsError
from gateway.local_model.process import EmbeddedModel
from gateway.media import libopus
from gateway.media.seams import check_seams
from gateway.media.webrtc import WebRtcConfig
from gateway.realtime.wire import Endpoint
from gateway.recording.recorder import Recorder
from gateway.sessions import Sessions
from signaling.access import ACCESS
from signaling.auditing import audit_log, known_actor
from signaling.auth import guard
from signaling.buckets import Buckets
from signaling.call_control import CallControlDoor
from signaling.call_rate import address_rate, user_rate
from signaling.calls import CallsDoor
from signaling.client_secrets import ClientSecretsDoor
from signaling.cluster.cluster import Cluster
from signaling.doorkeeper import Doorkeeper, doorkeeper
from signaling.first_requests import KEEP_ALIVE, FirstRequests
from signaling.forwarded import trusting
from signaling.http import HttpDoor, cors, harden
from signaling.http_errors import errors
from signaling.http_log import ServerLog
from signaling.listen import ListenDoor
from signaling.live_calls import LiveCalls
from signaling.loop_lag import LoopLag
from signaling.observing import Observing
from signaling.openapi import OpenApiDoor
from signaling.operators import OperatorsDoor
from signaling.origins import Origins
from signaling.parts import (
    addresses_of,
    agents_of,
    defaults_of,
    ice_servers_of,
    recorder_of,
    text_model_of,
    webhooks_of,
    without_query,
)
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
        self._doorkeeper: Doorkeeper | None = None
        self._certificates: list[ServerCertificate] = []
        self.cluster: Cluster | None = None
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
        agent_sets, agents = agents_of(settings)
        addresses, ice_servers = addresses_of(settings), ice_servers_of(settings)
        certificate = self._certificate("TLS", settings.tls_cert, settings.tls_key)
        sip_options = self._sip_options(certificate)
        check_seams()
        libopus.load()
        endpoint = await self._model()
        self._text_model = text_model_of(settings)
        self.cluster = cluster = await Cluster.join(settings)
        self.audit = audit_log(settings)
        self.recorder = recorder_of(settings, self.audit)
        self.sessions = sessions = Sessions(
            replace(
                defaults_of(settings, agent_sets, agents, self._text_model),
                recorder=self.recorder,
                audit=self.audit or NO_AUDIT,
            ),
            WebRtcConfig(addresses, lambda: ice_servers.for_user("gateway")),
            lambda model: replace(endpoint, model=model or endpoint.model),
            cluster.place.mark if cluster is not None else "",
        )
        origins = Origins(settings.allowed_origins)
        keys, self._doorkeeper = (
            doorkeeper(settings, cluster.link.secret, cluster.link)
            if cluster is not None
            else doorkeeper(settings)
        )
        # An address's, and a user's.
        rates, requests = Buckets(*settings.call_rate), Buckets(*settings.request_rate)
        webhooks = webhooks_of(settings)
        self._door = SocketIoDoor(
            *(sessions, origins, ice_servers, settings.max_audio_size, self._doorkeeper, rates),
            cluster.away if cluster is not None else None,
        )
        self.live = live = LiveCalls(sessions)
        app = web.Application(
            middlewares=[
                self._first_requests.middleware,
                request_ids,
                trusting(settings.trusted_proxies),
                cors(origins),
                errors,
                address_rate(requests, rates, self._door.is_connected),
                guard(self._doorkeeper, ACCESS),
                user_rate(rates),
                known_actor,
                *([cluster.http.middleware] if cluster is not None else []),
            ]
        )
        app.on_response_prepare.extend((say_id, harden))
        app.add_routes(self._door.routes())
        app.add_routes(OpenApiDoor().routes())
        app.add_routes(CallsDoor(sessions, live).routes())
        relay = cluster.sockets if cluster is not None else None
        app.add_routes(RealtimeDoor(sessions, live, origins, relay).routes())
        app.add_routes(CallControlDoor(sessions, live).routes())
        app.add_routes(WhipDoor(sessions, live, ice_servers).routes())
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
        app.add_routes(
            PhoneIceServers(ice_servers, sip_options.users, closed=sip_options.closed).routes()
        )
        app.add_routes(PhoneCallsDoor(self.sip, live, sessions.audit).routes())
        url = without_query(endpoint.url)
        self._observing = observing = Observing(
            Watched(
                *(sessions, url, LoopLag(), (requests, rates), self._door, self._embedded),
                *(self.recorder, webhooks, self.sip, cluster),
            )
        )
        app.add_routes(HttpDoor(sessions, observing.health.report).routes())
        app.add_routes(observing.routes())
        app.add_routes(OperatorsDoor(sessions, ice_servers).routes())
        app.add_routes(ListenDoor(sessions).routes())
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
        if self.cluster is not None and self._door is not None:
            await self.cluster.http.start(self._runner)
            self.cluster.receive(self._door)
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
            closed=settings.needs_tokens
            or (bool(settings.sip_trunks) and not settings.allow_anonymous),
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
        self.model_name = without_query(settings.realtime_url)
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
        if self.cluster is not None:
            await self.cluster.close()
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
        if self._doorkeeper is not None:
            await self._doorkeeper.close()
        for certificate in self._certificates:
            await certificate.close()
        if self.audit is not None:
            await self.audit.close()
