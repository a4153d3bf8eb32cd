"""Events that an application is told of, signed as OpenAI signs its own: by Standard Webhooks
(https://www.standardwebhooks.com). ``client.webhooks.unwrap`` of the ``openai`` package checks it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

INCOMING: Final = "realtime.call.incoming"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event.

    :ivar id: the same in every attempt to deliver it.
    """

    id: str
    body: bytes

    def headers(self, key: bytes, timestamp: int) -> dict[str, str]:
        """What goes with the body.

        :param timestamp: of this attempt, in seconds since 1970.
        """
        signed = f"{self.id}.{timestamp}.".encode() + self.body
        signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return {
            "Content-Type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,{signature}",
        }


def incoming_call(call_id: str, sip_headers: Iterable[tuple[str, str]], now: int) -> Webhook:
    """A phone calls.

    :param sip_headers: of its INVITE.
    :param now: seconds since 1970.
    """
    event = {
        "id": f"evt_{secrets.token_hex(16)}",
        "object": "event",
        "type": INCOMING,
        "created_at": now,
        "data": {
            "call_id": call_id,
            "sip_headers": [{"name": name, "value": value} for name, value in sip_headers],
        },
    }
    return Webhook(f"wh_{secrets.token_hex(16)}", json.dumps(event, ensure_ascii=False).encode())
