"""A gateway's part in a cluster: all of what ``REDIS_URL`` switches on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config import Settings, SettingsError
from signaling.cluster.away import AwayClients
from signaling.cluster.bus import Bus
from signaling.cluster.http_relay import HttpRelay
from signaling.cluster.lines import Lines
from signaling.cluster.place import Place
from signaling.cluster.socket_relay import SocketRelay
from signaling.cluster.visitors import Host, Visitors
from signaling.doorkeeper import derived, secret_of

if TYPE_CHECKING:
    from signaling.cluster.redis_link import RedisLink


class Cluster:
    """Made by :meth:`join`.

    :ivar away: clients of this gateway whose session is at another one.
    :ivar visitors: the other way round.
    """

    def __init__(self, link: RedisLink, bus: Bus, *, has_secret: bool) -> None:
        self.link, self.bus = link, bus
        self._has_secret = has_secret
        self.place = bus.place
        self.lines = Lines(bus)
        self.away = AwayClients(bus, self.lines)
        self.visitors: Visitors | None = None
        self.http = HttpRelay(bus)
        self.sockets = SocketRelay(bus, self.lines, lambda: self.http.own)

    @classmethod
    async def join(cls, settings: Settings) -> Cluster | None:
        """None: there is no ``REDIS_URL``.

        :raises SettingsError: it cannot be used.
        """
        if settings.redis_url is None:
            return None
        try:
            from signaling.cluster.redis_link import RedisLink, RedisUnavailable
        except ImportError:
            raise SettingsError(
                "REDIS_URL needs the extra: pip install 'talkpath[redis]'"
            ) from None
        place = Place()
        link = RedisLink(settings.redis_url.get_secret_value(), place.name)
        try:
            await link.start()
        except RedisUnavailable as error:
            raise SettingsError(str(error)) from None
        own = secret_of(settings)
        secret = derived(own or link.secret, "messages between gateways")
        return cls(link, Bus(link, place, secret), has_secret=own is not None)

    @property
    def shares_secret(self) -> bool:
        """False: gateways that came later know another one, and neither hear nor are heard."""
        return self._has_secret or not self.link.is_split

    def receive(self, host: Host) -> None:
        """Clients of other gateways are let in from now on."""
        self.visitors = Visitors(self.bus, self.lines, host)

    async def close(self) -> None:
        """Take leave of the others."""
        if self.visitors is not None:
            await self.visitors.close()
        await self.sockets.close()
        await self.lines.close()
        await self.bus.close()
        await self.http.close()
        await self.link.close()
