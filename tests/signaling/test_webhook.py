"""Events as OpenAI's own client reads them, and its check of who sent them."""

from __future__ import annotations

import time

import openai
import pytest
from openai.types.webhooks import RealtimeCallIncomingWebhookEvent

from signaling.webhook import incoming_call
from tests.gateway.test_webhook_settings import KEY, SECRET

HEADERS = [("From", '"Ann" <sip:ann@example.org>;tag=1'), ("Via", "a"), ("Via", "ü")]


def test_the_openai_package_unwraps_it() -> None:
    now = int(time.time())
    webhook = incoming_call("rtc_1", HEADERS, now)
    with openai.OpenAI(api_key="sk-any") as client:
        event = client.webhooks.unwrap(webhook.body, webhook.headers(KEY, now), secret=SECRET)
        assert isinstance(event, RealtimeCallIncomingWebhookEvent)
        assert (event.object, event.created_at) == ("event", now)
        assert event.data.call_id == "rtc_1"
        assert [(header.name, header.value) for header in event.data.sip_headers] == HEADERS
        for key, at in ((KEY[::-1], now), (KEY, now - 301)):
            with pytest.raises(openai.InvalidWebhookSignatureError):
                client.webhooks.unwrap(webhook.body, webhook.headers(key, at), secret=SECRET)


def test_each_attempt_has_its_own_signature() -> None:
    webhook = incoming_call("rtc_1", [], 0)
    first, second = webhook.headers(KEY, 1), webhook.headers(KEY, 2)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]
    assert incoming_call("rtc_1", [], 0).id != webhook.id
