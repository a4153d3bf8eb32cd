"""The ways to whom is to be called: phones that registered, or else a trunk."""

from __future__ import annotations

from dataclasses import replace

from signaling.sip.called import BadAddress, called_user, sender_uri
from signaling.sip.placed_call import host_of
from signaling.sip.registrar import Registrar
from signaling.sip.resolver import Unreachable
from signaling.sip.route import Route
from signaling.sip.trunks import Trunks


class NotReachable(Exception):
    """There is no way to whom is to be called; one sentence says why."""


async def ways_to(to: str, sender: str | None, registrar: Registrar, trunks: Trunks) -> list[Route]:
    """All of them at once are tried.

    :param to: a name that phones registered under, alone or as a SIP URI of any host; else a
        number or a SIP URI for a trunk.
    :param sender: who calls: a name, or a SIP URI; None: as the way has it.
    :raises BadAddress: ``to`` or ``sender`` is none.
    :raises NotReachable: there is no way.
    """
    trunk = trunks.for_target(to)
    try:
        bindings = registrar.of(called_user(to))
    except BadAddress:
        if trunk is None:
            raise
        bindings = []
    if bindings:
        return [
            Route(
                binding.contact,
                binding.flow,
                None if sender is None else sender_uri(sender, host_of(binding.flow)),
            )
            for binding in bindings
        ]
    if trunk is None:
        raise NotReachable("nobody is registered under that name")
    known = None if sender is None else sender_uri(sender, trunk.domain)
    try:
        route = await trunk.route(to)
    except Unreachable as error:
        raise NotReachable(f"the trunk {trunk.settings.name} is not reached: {error}") from None
    return [route if known is None else replace(route, sender=known)]
