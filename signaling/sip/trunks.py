"""All trunks: whose a call is that comes, and which one takes a call that goes out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from gateway.trunk_settings import SipTrunk
from signaling.sip.resolver import Resolver
from signaling.sip.timers import Timers
from signaling.sip.transaction import Flow
from signaling.sip.transactions import Transactions
from signaling.sip.transport import Listeners
from signaling.sip.trunk import Trunk


class Trunks:
    """Those of ``SIP_TRUNKS``, in order.

    :param settle: called when there may be new deadlines.
    :param public: our addresses as others see them; with none, trunks say what ours is.
    :raises TrunkError: one cannot be made of its settings.
    """

    def __init__(
        self,
        settings: Sequence[SipTrunk],
        transactions: Transactions,
        timers: Timers,
        listeners: Listeners,
        settle: Callable[[], None],
        public: Sequence[str] = (),
    ) -> None:
        resolver = Resolver()
        self._settle = settle
        self._left = asyncio.Event()
        self._all = [
            Trunk(each, transactions, timers, listeners, resolver, self._changed, moves=not public)
            for each in settings
        ]

    def __len__(self) -> int:
        return len(self._all)

    @property
    def states(self) -> Mapping[str, str]:
        """How each one stands, in a word."""
        return {trunk.settings.name: trunk.state for trunk in self._all}

    def start(self) -> None:
        """Register where that is wanted."""
        for trunk in self._all:
            trunk.start()
        self._settle()

    async def close(self, patience: float) -> None:
        """Leave the registrars, within ``patience`` seconds, and leave nothing behind."""
        self._left.clear()
        for trunk in self._all:
            trunk.leave()
        self._changed()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._left.wait()
        for trunk in self._all:
            await trunk.close()

    def closed(self, flow: Flow) -> None:
        """A connection closed, whichever."""
        for trunk in self._all:
            trunk.closed(flow)

    def of(self, flow: Flow) -> Trunk | None:
        """The trunk at the end of ``flow``."""
        return next((trunk for trunk in self._all if trunk.sends_by(flow)), None)

    def for_target(self, target: str) -> Trunk | None:
        """The trunk to call ``target`` through: the first one that is not known to be away."""
        able = [trunk for trunk in self._all if trunk.takes(target)]
        able.sort(key=lambda trunk: trunk.is_up is False)
        return able[0] if able else None

    def _changed(self) -> None:
        if all(trunk.has_left for trunk in self._all):
            self._left.set()
        self._settle()
