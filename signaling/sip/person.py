"""Whom callers get who want a person: ``SIP_TRANSFER_TO``."""

from __future__ import annotations

from gateway.config import Settings, SettingsError
from signaling.sip.transfer import refer_to


def person_of(settings: Settings) -> str | None:
    """A phone number or SIP address; None: there is nobody.

    :raises SettingsError: it is neither.
    """
    target = settings.sip_transfer_to
    if target is None:
        return None
    try:
        # Whose numbers are meant is known in a call only: they are the caller's.
        refer_to(target, domain="localhost")
    except ValueError as error:
        raise SettingsError(f"SIP_TRANSFER_TO={target}: {error}") from None
    return target
