"""What a gateway is put together from, each as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from gateway.agents.agent import AgentSet, AgentSetError
from gateway.agents.registry import AgentSets
from gateway.agents.text_model import TextModel
from gateway.audit.log import AuditLog
from gateway.config import Settings, SettingsError
from gateway.core.lifetime import SessionLimits
from gateway.core.usage import price_of
from gateway.guard_settings import is_loopback
from gateway.json_settings import merged
from gateway.media.addresses import MediaAddresses, NoMediaAddress
from gateway.media.ice_servers import ice_options
from gateway.media.ports import UdpPorts
from gateway.media.raw_pcm import PcmFormat
from gateway.recording.recorder import Recorder, RecordSettings
from gateway.recording.retention import Retention
from gateway.session_usage import CostRules
from gateway.sessions import SessionDefaults
from gateway.webhook_settings import webhook_key
from signaling.auditing import note_expired
from signaling.ice import IceServers
from signaling.webhook_sender import WebhookSender

if TYPE_CHECKING:
    from gateway.agents.responses_api import ResponsesModel


def agents_of(settings: Settings) -> tuple[AgentSets, AgentSet]:
    """All agent sets, and the one that answers."""
    try:
        agent_sets = AgentSets.installed()
    except AgentSetError as error:
        raise SettingsError(str(error)) from None
    try:
        return agent_sets, agent_sets.choose(settings.agent_set)
    except AgentSetError as error:
        raise SettingsError(f"AGENT_SET={settings.agent_set}: {error}") from None


def text_model_of(settings: Settings) -> ResponsesModel | None:
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


def defaults_of(
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
        costs=costs_of(settings),
        pcm=PcmFormat(settings.audio_sample_rate, settings.audio_channels),
    )


def recorder_of(settings: Settings, audit: AuditLog | None) -> Recorder | None:
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


def costs_of(settings: Settings) -> CostRules:
    if settings.embedded_model:
        return CostRules({})
    prices = merged(settings.model_prices)
    limit, model = settings.max_cost_per_session, settings.realtime_model
    if limit is not None and price_of(model, prices) is None:
        raise SettingsError(
            f"MAX_COST_PER_SESSION={limit:g}: MODEL_PRICES has no price of REALTIME_MODEL={model}"
        )
    return CostRules(prices, limit)


def addresses_of(settings: Settings) -> MediaAddresses:
    try:
        return MediaAddresses.choose(
            settings.public_address,
            is_loopback(settings.host),
            settings.media_interfaces,
            UdpPorts(*(settings.udp_port_range or ())),
        )
    except NoMediaAddress as error:
        raise SettingsError(str(error)) from None


def webhooks_of(settings: Settings) -> WebhookSender | None:
    url, secret = settings.sip_webhook_url, settings.sip_webhook_secret
    if url is None or secret is None:
        return None
    return WebhookSender(url, webhook_key(secret.get_secret_value()))


def ice_servers_of(settings: Settings) -> IceServers:
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


def without_query(url: str) -> str:
    """``url`` as it may be shown: some servers take a key in the query."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
