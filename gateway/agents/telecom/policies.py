"""NewTelco's rules for its customers. The company, its prices and its people are made up."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """One document.

    :ivar id: what a citation names, as in ``[Roaming](NT-02)``.
    :ivar keywords: single words that a question about it may have.
    :ivar sentences: the text; each sentence can be said alone.
    """

    id: str
    title: str
    keywords: frozenset[str]
    sentences: tuple[str, ...]


def _policy(number: int, title: str, keywords: str, *sentences: str) -> Policy:
    return Policy(f"NT-{number:02}", title, frozenset(keywords.split()), sentences)


POLICIES = (
    _policy(
        1,
        "Plans",
        "plan plans unlimited starter tariff tariffs subscription subscriptions contract upgrade",
        "The Starter plan costs $30 a month and has 10 GB of data.",
        "The Everyday plan costs $45 a month and has 40 GB of data.",
        "The Unlimited plan costs $65 a month, and data is slowed down only after 100 GB.",
        "Calls and texts within the country are free in every plan.",
        "A change of plan takes effect with the next billing period and costs nothing.",
    ),
    _policy(
        2,
        "Roaming",
        "roaming abroad international travel traveling travelling overseas foreign canada mexico "
        "europe",
        "Roaming in Canada and Mexico is included in every plan, up to 5 GB a month.",
        "In Europe and everywhere else, a day pass costs $8 and has 1 GB of data.",
        "Without a day pass, data abroad costs $2 for each 100 MB.",
        "Roaming has to be switched on once, at least 24 hours before the journey.",
    ),
    _policy(
        3,
        "Billing",
        "billing bill bills statement invoice invoices late fee fees charge charges",
        "Bills are made on the 10th of each month and are due 21 days later.",
        "A late payment costs a fee of $7 after 5 days of grace.",
        "A charge can be disputed within 60 days of the bill.",
        "The first bill is higher, as it holds a part of the month before and a full month ahead.",
    ),
    _policy(
        4,
        "Cancellation",
        "cancel cancellation cancelling canceling terminate termination leave quit notice",
        "Service can be cancelled at any time with 30 days of notice.",
        "There is no fee for cancelling a plan that is paid by the month.",
        "A phone that is paid in instalments has to be paid off with the last bill.",
        "The phone number can be taken along to another company for 60 days.",
    ),
    _policy(
        5,
        "Devices",
        "device devices phone phones handset instalment instalments installment installments "
        "unlock unlocked warranty trade repair screen",
        "Phones can be paid in 24 instalments without interest.",
        "Every phone has a warranty of 24 months.",
        "A phone is unlocked on request once it is paid off.",
        "A cracked screen is repaired in every store for $89.",
    ),
    _policy(
        6,
        "Returns",
        "return returns returning refund refunds exchange restocking",
        "A device can be returned within 14 days, with its box and receipt.",
        "An opened device costs a restocking fee of $35.",
        "The refund arrives within 10 days, on the card that paid.",
    ),
    _policy(
        7,
        "Family plan",
        "family families kids children household lines line",
        "The family plan takes 2 to 5 lines on one bill.",
        "The first line costs $65 a month, and each further one $25.",
        "All lines have unlimited calls and share 150 GB of data.",
        "Parents can set a limit of data for each child at no cost.",
    ),
    _policy(
        8,
        "Payments",
        "pay payment payments paying autopay card cash check credit debit bank",
        "Bills can be paid by card or bank account, and in cash in every store.",
        "Automatic payment takes $5 off each bill.",
        "A payment plan of up to 3 parts can be asked for before a bill is due.",
        "Payments show in the account within 2 hours.",
    ),
    _policy(
        9,
        "Coverage",
        "coverage signal reception network outage outages tower rural speed hotspot",
        "The network reaches 97 percent of households in the states we serve.",
        "Calls over Wi-Fi work where there is no signal, at no cost.",
        "A hotspot may use up to 20 GB a month in every plan.",
        "An outage of more than 24 hours is credited with $5 for each day.",
    ),
    _policy(
        10,
        "Promotions",
        "promotion promotions discount discounts offer offers deal deals student students senior "
        "seniors veteran veterans referral",
        "New customers get $10 off each month for the first 6 months.",
        "Students, veterans and people over 65 get 15 percent off any plan.",
        "For each friend who joins, a customer gets a credit of $40.",
        "Only one promotion applies to a line at a time.",
    ),
)

_WORD = re.compile(r"[a-z]+")


def matching(topic: str, most: int = 3) -> list[Policy]:
    """The documents about ``topic``, the best first; empty where none is."""
    words = set(_WORD.findall(topic.lower()))

    def score(policy: Policy) -> int:
        title = set(_WORD.findall(policy.title.lower()))
        return 10 * (title <= words) + len(words & policy.keywords)

    found = [policy for policy in POLICIES if score(policy)]
    return sorted(found, key=score, reverse=True)[:most]
