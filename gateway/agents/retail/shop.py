"""A bicycle shop that does not exist: its customers, their orders, its goods and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["bicycles", "clothing", "parts", "electronics"]
Condition = Literal["unused", "used", "damaged on arrival"]

COMPANY = "Fjordline Cycles"

RETURN_DAYS: dict[Category, int] = {
    "bicycles": 45,
    "clothing": 60,
    "parts": 30,
    "electronics": 21,
}
"""Days after delivery in which unused goods are taken back."""

REPORT_DAYS = 7
"""Days after delivery in which damage in transit is to be reported."""

TRIAL_DAYS = 14
"""Days after delivery in which a bicycle may have been ridden."""

RETURN_RULES = f"""\
Unused goods are taken back and paid back in full: {
    ", ".join(f"{category} within {days} days" for category, days in RETURN_DAYS.items())
} of delivery.
A bicycle that was ridden is taken back within {TRIAL_DAYS} days, less 10 percent of its price.
Other used goods are not taken back.
What was damaged on arrival is replaced or paid back if it is reported within {REPORT_DAYS} days of
delivery; later reports of damage go to the manufacturer, under the guarantee of two years.
Whatever was made to measure is not taken back, unless it was damaged on arrival.
"""


@dataclass(frozen=True, slots=True)
class Article:
    """Something for sale. ``price``: dollars."""

    number: str
    name: str
    category: Category
    price: float
    in_stock: int
    made_to_measure: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Delivered, so many days ago."""

    number: str
    phone: str
    article: str
    delivered_days_ago: int


@dataclass(frozen=True, slots=True)
class Customer:
    """``born``: YYYY-MM-DD; ``card``: the last four digits."""

    phone: str
    name: str
    born: str
    card: str


ARTICLES: dict[str, Article] = {
    article.number: article
    for article in (
        Article("B10", "Heron city bicycle, seven gears", "bicycles", 640.0, 6),
        Article("B20", "Kestrel gravel bicycle, carbon fork", "bicycles", 1890.0, 2),
        Article("B30", "Wren folding bicycle", "bicycles", 980.0, 0),
        Article("C10", "Rain jacket with reflectors", "clothing", 89.0, 40),
        Article("C20", "Merino jersey, made to measure", "clothing", 140.0, 99, True),
        Article("P10", "Puncture-proof tyre, 28 inch", "parts", 38.5, 25),
        Article("P20", "Leather saddle", "parts", 74.0, 11),
        Article("E10", "Dynamo front light, 80 lux", "electronics", 119.0, 8),
    )
}

CUSTOMERS: dict[str, Customer] = {
    customer.phone: customer
    for customer in (
        Customer("2065550143", "Mara Lindqvist", "1988-03-14", "4417"),
        Customer("5035550179", "Tomas Okafor", "1975-11-02", "0096"),
        Customer("4155550112", "June Halvorsen", "1999-07-23", "8852"),
    )
}

ORDERS: tuple[Order, ...] = (
    Order("R-2101", "2065550143", "C10", 12),
    Order("R-2114", "2065550143", "E10", 33),
    Order("R-2120", "5035550179", "B20", 9),
    Order("R-2127", "5035550179", "C20", 5),
    Order("R-2133", "4155550112", "P20", 3),
)


def digits(text: str) -> str:
    """A phone number as it is kept: ten digits, without the country code of the United States."""
    found = "".join(character for character in text if character.isdigit())
    return found.removeprefix("1") if len(found) == 11 else found


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether something is taken back, and why."""

    accepted: bool
    reason: str
    refund: float = 0.0


def rule(order: Order, condition: Condition) -> Ruling:
    """The return of an order by the letter of :data:`RETURN_RULES`."""
    article, days = ARTICLES[order.article], order.delivered_days_ago
    if condition == "damaged on arrival":
        if days <= REPORT_DAYS:
            return Ruling(True, "damaged on arrival, and reported in time", article.price)
        return Ruling(False, f"damage is to be reported within {REPORT_DAYS} days")
    if article.made_to_measure:
        return Ruling(False, "it was made to measure")
    if condition == "used":
        if article.category == "bicycles" and days <= TRIAL_DAYS:
            return Ruling(True, "a bicycle within its trial", round(article.price * 0.9, 2))
        return Ruling(False, "it was used")
    if days <= RETURN_DAYS[article.category]:
        return Ruling(True, "unused, and within its time", article.price)
    return Ruling(False, f"more than {RETURN_DAYS[article.category]} days have passed")
