"""What an agent may do with the call itself."""

from __future__ import annotations


class NotPossible(Exception):
    """This kind of call has no such thing."""


class TransferRefused(NotPossible):
    """The other side did not take the caller; one sentence says why."""


class CallControl:
    """A call which can be talked to, and no more. Those of other kinds override what they can."""

    def hang_up(self, reason: str) -> None:
        """End the call once what the agent said is heard."""
        raise NotPossible("hanging up is not possible on this kind of call")

    async def transfer(self, target: str | None) -> None:
        """Pass the caller on to ``target``, a phone number or SIP address.

        :param target: None: to the person that the gateway has for callers.
        :raises TransferRefused: the other side did not take the caller, who is still here.
        :raises NotPossible: on this kind of call, or to this target.
        """
        raise NotPossible("a transfer is not possible on this kind of call")

    async def send_dtmf(self, keys: str) -> None:
        """Press keys of ``0-9*#A-D`` towards the other end.

        :raises NotPossible: on this kind of call.
        """
        raise NotPossible("pressing keys is not possible on this kind of call")
