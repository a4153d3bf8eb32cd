"""How the rule-based supervisor words things. Lists are of phrases that mean the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.agents.telecom.understanding import Intent

Phrases = tuple[str, ...]

ASK_PHONE: Phrases = (
    "I can look that up. What is the phone number of your account?",
    "For that I need your account. Could you tell me your phone number?",
    "Gladly. Please give me the phone number that the account is under.",
)
ASK_PHONE_AGAIN: Phrases = (
    "I find no account under {number}. Could you tell me the phone number once more?",
    "{number} is not a number I know. Please give me the phone number again, digit by digit.",
)
ASK_ZIP: Phrases = (
    "I can find the nearest store. What is your zip code?",
    "To see which store is near you, could you tell me your zip code?",
    "Please give me your zip code, and I will look for the nearest store.",
)
ASK_ZIP_AGAIN: Phrases = (
    "I do not know where {number} is. Could you tell me another zip code nearby?",
    "{number} is not on my map. Please give me the zip code of a city near you.",
)
DEFLECT: Phrases = (
    "I'm sorry, that is something I can't discuss. Is there anything about your NewTelco service "
    "that I can help with?",
    "I'd rather leave that subject to others. Shall we talk about your plan, your bill or a store?",
    "That is not a matter for this line. I am glad to help with your phone service, though.",
)
REFUSE: Phrases = (
    "I'm sorry, I can't do that on this line. Shall I transfer you to one of our people?",
    "That is beyond what I can do here. Would you like me to transfer you to a colleague?",
    "I have no way to do that for you. If you like, I can transfer you to a person who may.",
)
TRANSFER: Phrases = (
    "I would put you through to a colleague now, but this is a demonstration and nobody is there. "
    "Can I help you with something else?",
    "A real desk would transfer you at this point. As this is a demonstration, you only have me.",
)
DECLINED: Phrases = (
    "All right. What else can I do for you?",
    "No problem. Is there anything else on your mind?",
)
AGREED: Phrases = (
    "Good. What would you like to know?",
    "Fine. Tell me what you need, and I will look it up.",
)
NO_POLICY: Phrases = (
    "I have no document about that. Shall I transfer you to one of our people?",
    "Our documents do not say. Would you like me to transfer you to a colleague?",
)
THANK: Phrases = ("Thank you, {number}.", "I have {number}.", "Got it, {number}.")
MADE_UP = "This is a demonstration, so all figures are made up."

OFFERS_TRANSFER = re.compile(r"\btransfer you to\b")


def account(intent: Intent, found: Mapping[str, Any]) -> str:
    """What was asked about an account, as `Account.as_dict` has it."""
    bill, data = found["bill"], found["data"]
    match intent:
        case Intent.USAGE:
            if data["includedGb"] == "unlimited":
                return (
                    f"You have used {data['usedGb']:g} GB this month, and your data is unlimited."
                )
            left = round(data["includedGb"] - data["usedGb"], 1)
            return (
                f"You have used {data['usedGb']:g} GB of {data['includedGb']:g} GB this month, "
                f"so {left:g} GB are left."
            )
        case Intent.BALANCE:
            if bill["balance"] == "$0":
                return f"Your bill of {bill['total']} is paid, so you owe nothing."
            how = "is paid automatically on" if bill["automaticPayment"] else "is due on"
            return f"Your balance is {bill['balance']}. It {how} {bill['due']}."
        case Intent.OWN_PLAN:
            return f"You are on the {found['plan']} plan, and your last bill was {bill['total']}."
    items = [f"{item['amount']} for {item['what']}" for item in bill["items"]]
    items = [item.replace("-$", "minus $") for item in items]
    text = f"Your bill is {bill['total']}: {', '.join(items[:-1])}, and {items[-1]}."
    if bill["paid"] != "$0":
        text += f" {bill['paid']} of it is paid, so {bill['balance']} is left."
    return text


def store(found: Mapping[str, Any]) -> str:
    """A store, as `Store.as_dict` has it."""
    miles = found["distanceMiles"]
    away = "less than a mile away" if miles < 1 else "about 1 mile away"
    if miles > 1:
        away = f"about {miles} miles away"
    return (
        f"The nearest store is {found['name']}, at {found['address']}, {away}. "
        f"It is open {found['openingHours']}."
    )


_LITTLE = re.compile(
    r"(an?|the|is|are|i|me|my|you|your|do|does|of|to|in|on|for|and|or|with|have|has|can|could|what"
    r"|how|much|many|it|that|this|about|tell|be|if|there|any)"
)
"""Words that tell nothing of what a question is about."""

_MOST_SENTENCES = 2


def policy(words: str, found: Mapping[str, str]) -> str:
    """The sentences of a document that answer ``words`` best, and where they stand."""
    sentences = re.split(r"(?<=[.!?])\s+", found["content"])
    wanted = _stems(words)
    scores = [len(_stems(sentence) & wanted) for sentence in sentences]
    best = sorted(range(len(sentences)), key=lambda place: -scores[place])[:_MOST_SENTENCES]
    chosen = " ".join(sentences[place] for place in sorted(best))
    return f"{chosen} [{found['title']}]({found['id']})"


def _stems(text: str) -> frozenset[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return frozenset(word.rstrip("s")[:7] for word in words if not _LITTLE.fullmatch(word))
