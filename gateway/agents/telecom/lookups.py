"""What the supervisor can look up."""

from __future__ import annotations

import re
from typing import Any

from gateway.agents.telecom.accounts import ACCOUNTS
from gateway.agents.telecom.policies import POLICIES, matching
from gateway.agents.telecom.stores import nearest
from gateway.agents.tool import ToolFailure, tool
from gateway.core.dictation import PHONE_DIGITS, ZIP_DIGITS, national


@tool(name="lookupPolicyDocument")
async def lookup_policy_document(topic: str) -> list[dict[str, str]]:
    """The company's documents about a topic: plans, prices, roaming, returns and the like.

    :param topic: the topic, or key words of the question.
    """
    found = matching(topic)
    if not found:
        known = ", ".join(policy.title for policy in POLICIES)
        raise ToolFailure(f"There is no document about that. There are: {known}.")
    return [
        {"id": policy.id, "title": policy.title, "content": " ".join(policy.sentences)}
        for policy in found
    ]


@tool(name="getUserAccountInfo")
async def get_user_account_info(phone_number: str) -> dict[str, Any]:
    """A customer's account: plan, bill with its items, balance, and data used. Read only.

    :param phone_number: the ten digits of the customer's phone number.
    """
    digits = national(phone_number)
    if len(digits) != PHONE_DIGITS:
        raise ToolFailure(f"A phone number has {PHONE_DIGITS} digits, this one has {len(digits)}.")
    account = ACCOUNTS.get(digits)
    if account is None:
        raise ToolFailure(f"There is no account with the phone number {digits}.")
    return account.as_dict()


@tool(name="findNearestStore")
async def find_nearest_store(zip_code: str) -> dict[str, Any]:
    """The store that is nearest to a zip code, with its address and opening hours.

    :param zip_code: the five digits of the caller's zip code.
    """
    digits = re.sub(r"\D", "", zip_code)[:ZIP_DIGITS]
    if len(digits) != ZIP_DIGITS:
        raise ToolFailure(f"A zip code has {ZIP_DIGITS} digits.")
    found = nearest(digits)
    if found is None:
        raise ToolFailure(f"The zip code {digits} is not one that stores are known for.")
    store, miles = found
    return store.as_dict(miles)


LOOKUPS = (lookup_policy_document, get_user_account_info, find_nearest_store)
