import json

import pytest

from gateway.agents.telecom.accounts import ACCOUNTS, Account, dollars


@pytest.mark.parametrize(
    ("cents", "text"), [(4500, "$45"), (9140, "$91.40"), (5, "$0.05"), (0, "$0"), (-1000, "-$10")]
)
def test_dollars(cents: int, text: str) -> None:
    assert dollars(cents) == text


@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=lambda account: account.name)
def test_bills_add_up(account: Account) -> None:
    bill = account.as_dict()["bill"]
    assert bill["total"] == dollars(sum(charge.cents for charge in account.charges))
    assert account.balance_cents == account.bill_cents - account.paid_cents >= 0
    assert account.phone_number.isdecimal()
    assert len(account.phone_number) == 10
    json.dumps(account.as_dict())
