"""NewTelco's customers, by phone number. All of them are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill, in US cents."""

    what: str
    cents: int


@dataclass(frozen=True, slots=True)
class Account:
    """One customer. ``phone_number``: ten digits; data in GB of this billing period; ``data_gb``
    None: unlimited.
    """

    phone_number: str
    name: str
    plan: str
    charges: tuple[Charge, ...]
    paid_cents: int
    used_gb: float
    data_gb: float | None
    autopay: bool
    due: str = "the 1st of next month"

    @property
    def bill_cents(self) -> int:
        return sum(charge.cents for charge in self.charges)

    @property
    def balance_cents(self) -> int:
        """What is still to be paid."""
        return self.bill_cents - self.paid_cents

    def as_dict(self) -> dict[str, Any]:
        """What a model is told of it; money in dollars as text."""
        return {
            "phoneNumber": self.phone_number,
            "name": self.name,
            "plan": self.plan,
            "bill": {
                "total": dollars(self.bill_cents),
                "items": [
                    {"what": charge.what, "amount": dollars(charge.cents)}
                    for charge in self.charges
                ],
                "paid": dollars(self.paid_cents),
                "balance": dollars(self.balance_cents),
                "due": self.due,
                "automaticPayment": self.autopay,
            },
            "data": {
                "usedGb": self.used_gb,
                "includedGb": "unlimited" if self.data_gb is None else self.data_gb,
            },
        }


def dollars(cents: int) -> str:
    """``$45``, ``$91.40`` and ``-$10``."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' * (cents < 0)}${whole}" + (f".{rest:02}" if rest else "")


ACCOUNTS = {
    account.phone_number: account
    for account in (
        Account(
            "2061351246",
            "Alice Marlow",
            "Unlimited",
            (
                Charge("the Unlimited plan", 6500),
                Charge("two roaming day passes", 1600),
                Charge("taxes", 740),
            ),
            0,
            62.5,
            None,
            False,
        ),
        Account(
            "4155550134",
            "Ben Okafor",
            "Starter",
            (Charge("the Starter plan", 3000), Charge("taxes", 310)),
            0,
            9.2,
            10.0,
            True,
        ),
        Account(
            "3035550187",
            "Carla Jimenez",
            "Everyday",
            (
                Charge("the Everyday plan", 4500),
                Charge("a phone instalment", 2750),
                Charge("taxes", 615),
            ),
            5000,
            31.8,
            40.0,
            False,
        ),
        Account(
            "5125550162",
            "David Lindqvist",
            "Family",
            (
                Charge("the first line", 6500),
                Charge("three further lines", 7500),
                Charge("taxes", 1120),
            ),
            15120,
            118.0,
            150.0,
            True,
        ),
        Account(
            "2125550119",
            "Emma Novak",
            "Everyday",
            (
                Charge("the Everyday plan", 4500),
                Charge("a late fee", 700),
                Charge("taxes", 455),
            ),
            0,
            12.4,
            40.0,
            False,
        ),
        Account(
            "7735550148",
            "Farid Haddad",
            "Unlimited",
            (
                Charge("the Unlimited plan", 6500),
                Charge("a new customer's discount", -1000),
                Charge("taxes", 560),
            ),
            0,
            84.1,
            None,
            True,
        ),
    )
}
