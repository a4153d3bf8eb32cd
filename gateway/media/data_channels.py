"""The caller's data channels: text messages over SCTP over DTLS (RFC 8831, RFC 8832)."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.core.negotiation import MAX_MESSAGE_SIZE, DataAgreement
from gateway.media.seams import DataChannel, DtlsTransport, SctpAssociation, sctp_capabilities

log = structlog.get_logger(__name__)

MAX_CHANNELS = 16
"""Open at once; a caller needs one."""

MAX_BUFFERED_BYTES = 1 << 20
"""Waiting in one channel. Beyond it the caller reads nothing any more, and messages are dropped."""


class DataChannels:
    """The SCTP association of one leg, and the channels that the caller opens in it.

    :param dtls: what carries it; connected before :meth:`start`.
    :param on_text: called on the event loop with the label of a channel and a text message.
    :param on_open: called with the label of a channel that was opened.
    """

    def __init__(
        self,
        dtls: DtlsTransport,
        on_text: Callable[[str, str], None],
        on_open: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._dtls = dtls
        self._on_open = on_open
        self._on_text = on_text
        self._channels: list[DataChannel] = []
        self._dropping = False
        self._sctp = SctpAssociation(dtls)
        self._sctp.on("datachannel", self._on_channel)

    async def start(self, agreement: DataAgreement) -> None:
        """Begin the association; called again, it stays as it is."""
        limits = sctp_capabilities(agreement.max_message_size)
        await self._sctp.start(limits, agreement.sctp_port)

    @property
    def is_open(self) -> bool:
        """Whether the caller has a channel open."""
        return self._first_open() is not None

    def send(self, message: str) -> None:
        """Send on the channel that was opened first; dropped when there is none, when the caller
        takes no message of this size, or when :data:`MAX_BUFFERED_BYTES` wait already.
        """
        channel = self._first_open()
        if channel is None:
            return
        if channel.bufferedAmount > MAX_BUFFERED_BYTES:
            self._drop("the caller does not read its data channel")
            return
        try:
            channel.send(message)
        except ValueError:
            self._drop("a message is larger than the caller takes")

    def _drop(self, reason: str) -> None:
        """Say so once: a caller that reads nothing would fill the log."""
        if not self._dropping:
            self._dropping = True
            log.warning("data channel messages dropped", reason=reason)

    def _first_open(self) -> DataChannel | None:
        # The association is not told when DTLS ends below it.
        if self._dtls.state != "connected":
            return None
        return next((c for c in self._channels if c.readyState == "open"), None)

    def _on_channel(self, channel: DataChannel) -> None:
        if len(self._channels) >= MAX_CHANNELS:
            channel.close()
            return
        self._channels.append(channel)
        channel.on("message", lambda message: self._on_message(channel.label, message))
        channel.on("close", lambda: self._channels.remove(channel))
        self._on_open(channel.label)

    def _on_message(self, label: str, message: str | bytes) -> None:
        if isinstance(message, str) and len(message) <= MAX_MESSAGE_SIZE:
            self._on_text(label, message)

    async def close(self) -> None:
        """Abort the association, which closes every channel."""
        await self._sctp.stop()
