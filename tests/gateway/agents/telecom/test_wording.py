from gateway.agents.telecom import wording
from gateway.agents.telecom.accounts import ACCOUNTS
from gateway.agents.telecom.stores import STORES
from gateway.agents.telecom.understanding import Intent

ALICE, CARLA, DAVID, FARID = (
    ACCOUNTS[number].as_dict()
    for number in ("2061351246", "3035550187", "5125550162", "7735550148")
)


def test_accounts() -> None:
    assert wording.account(Intent.BILL, ALICE) == (
        "Your bill is $88.40: $65 for the Unlimited plan, $16 for two roaming day passes, "
        "and $7.40 for taxes."
    )
    assert "$50 of it is paid, so $28.65 is left." in wording.account(Intent.BILL, CARLA)
    assert "minus $10 for a new customer's discount" in wording.account(Intent.BILL, FARID)
    assert (
        wording.account(Intent.BALANCE, DAVID)
        == "Your bill of $151.20 is paid, so you owe nothing."
    )
    assert "is due on the 1st" in wording.account(Intent.BALANCE, ALICE)
    assert "paid automatically" in wording.account(Intent.BALANCE, FARID)
    assert "118 GB of 150 GB this month, so 32 GB are left" in wording.account(Intent.USAGE, DAVID)
    assert "unlimited" in wording.account(Intent.USAGE, ALICE)
    assert "Everyday" in wording.account(Intent.OWN_PLAN, CARLA)


def test_stores() -> None:
    near, one, far = (wording.store(STORES[0].as_dict(miles)) for miles in (0.2, 1.2, 144.6))
    assert "less than a mile away" in near
    assert "about 1 mile away" in one
    assert "about 145 miles away" in far
    assert "Monday to Friday from 10 AM to 7 PM" in near


def test_a_policy_is_told_in_the_sentences_that_fit() -> None:
    document = {
        "id": "NT-02",
        "title": "Roaming",
        "content": "A costs $1. In Rome, $2. B. In Oslo, $3.",
    }
    assert (
        wording.policy("how much is it in oslo", document)
        == "A costs $1. In Oslo, $3. [Roaming](NT-02)"
    )
    assert wording.policy("", document) == "A costs $1. In Rome, $2. [Roaming](NT-02)"
