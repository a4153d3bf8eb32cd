"""What there is to be looked at in a gateway, by metrics and health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.local_model.process import EmbeddedModel
from gateway.recording.recorder import Recorder
from gateway.sessions import Sessions
from signaling.buckets import Buckets
from signaling.cluster.cluster import Cluster
from signaling.loop_lag import LoopLag
from signaling.sip.door import SipDoor
from signaling.socketio import SocketIoDoor
from signaling.webhook_sender import WebhookSender


@dataclass(slots=True)
class Watched:
    """The parts of one gateway; None: it has none.

    :ivar model_url: as it may be shown.
    :ivar rates: what limits requests by HTTP, and calls.
    """

    sessions: Sessions
    model_url: str
    lag: LoopLag
    rates: Sequence[Buckets]
    socketio: SocketIoDoor
    embedded: EmbeddedModel | None = None
    recorder: Recorder | None = None
    webhooks: WebhookSender | None = None
    sip: SipDoor | None = None
    cluster: Cluster | None = None
