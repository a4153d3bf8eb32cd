import pytest

from gateway.agents.retail.shop import (
    ARTICLES,
    CUSTOMERS,
    ORDERS,
    RETURN_RULES,
    Condition,
    Order,
    digits,
    rule,
)


def test_orders_are_of_known_customers_and_articles() -> None:
    assert all(order.phone in CUSTOMERS and order.article in ARTICLES for order in ORDERS)
    assert "electronics within 21 days of delivery." in RETURN_RULES


@pytest.mark.parametrize(
    ("text", "kept"),
    [("(206) 555-0143", "2065550143"), ("+1 206 555 0143", "2065550143"), ("555 0143", "5550143")],
)
def test_phone_numbers_are_kept_as_digits(text: str, kept: str) -> None:
    assert digits(text) == kept


@pytest.mark.parametrize(
    ("article", "days", "condition", "accepted", "refund"),
    [
        ("C10", 60, "unused", True, 89.0),
        ("C10", 61, "unused", False, 0.0),
        ("C10", 5, "used", False, 0.0),
        ("B20", 14, "used", True, 1701.0),
        ("B20", 15, "used", False, 0.0),
        ("B20", 45, "unused", True, 1890.0),
        ("C20", 1, "unused", False, 0.0),
        ("C20", 7, "damaged on arrival", True, 140.0),
        ("E10", 8, "damaged on arrival", False, 0.0),
    ],
)
def test_returns_go_by_the_rules(
    article: str, days: int, condition: Condition, accepted: bool, refund: float
) -> None:
    ruling = rule(Order("R-1", "2065550143", article, days), condition)
    assert (ruling.accepted, ruling.refund) == (accepted, refund)
    assert ruling.reason
