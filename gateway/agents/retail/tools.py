"""What the agents of the shop can look up and do."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Annotated, Any, Literal

from gateway.agents.retail import shop
from gateway.agents.text_model import TextModelError
from gateway.agents.tool import ToolContext, ToolFailure, tool

_VERIFIED = "retail.customer"
"""Who is calling, in the session's memory."""

_JUDGE = f"""\
You decide for {shop.COMPANY}, a bicycle shop, whether it takes something back. Weigh the rules, the
order and what the caller says; where they leave a choice, be generous to the caller up to the price
of the article, and never beyond the rules' dates. Answer in at most three plain sentences that can
be read out: the decision, the reason, what is paid back. The rules:
{shop.RETURN_RULES}"""


@tool
async def verify_caller(
    phone_number: Annotated[str, "The caller's phone number, ten digits."],
    date_of_birth: Annotated[str, "As YYYY-MM-DD."],
    card_digits: Annotated[str, "The last four digits of the payment card."],
    context: ToolContext,
) -> dict[str, Any]:
    """Check that callers are who they say, before anything about their account is told or changed.
    Read back what you heard, and let the caller confirm it, before you call this.
    """
    customer = shop.CUSTOMERS.get(shop.digits(phone_number))
    given = (date_of_birth.strip(), re.sub(r"\D", "", card_digits))
    if customer is None or given != (customer.born, customer.card):
        raise ToolFailure("these details belong to no customer; ask for them once more")
    context.memory[_VERIFIED] = customer
    return {"verified": True, "name": customer.name}


def _verified(context: ToolContext) -> shop.Customer:
    customer = context.memory.get(_VERIFIED)
    if not isinstance(customer, shop.Customer):
        raise ToolFailure("the caller was not verified yet")
    return customer


def _orders(context: ToolContext) -> list[shop.Order]:
    customer = _verified(context)
    return [order for order in shop.ORDERS if order.phone == customer.phone]


@tool
async def list_orders(context: ToolContext) -> list[dict[str, Any]]:
    """The orders of the caller, who was verified."""
    return [
        {
            "order": order.number,
            "article": shop.ARTICLES[order.article].name,
            "price": shop.ARTICLES[order.article].price,
            "delivered_days_ago": order.delivered_days_ago,
        }
        for order in _orders(context)
    ]


@tool
async def read_return_rules() -> str:
    """The shop's rules for returns."""
    return shop.RETURN_RULES


@tool(timeout=30.0, filler=["Let me go through our rules.", "I'll look into that for a moment."])
async def decide_return(
    order_number: Annotated[str, "As list_orders gives it."],
    condition: Annotated[shop.Condition, "What the caller says of it."],
    story: Annotated[str, "What the caller says happened, and wants, in one or two sentences."],
    context: ToolContext,
) -> dict[str, Any]:
    """Decide whether an order is taken back. Takes a while. Tell the caller the decision as it is.

    A model that reasons decides; where the gateway has none, the letter of the rules.
    """
    number = order_number.strip().upper()
    order = next((order for order in _orders(context) if order.number == number), None)
    if order is None:
        raise ToolFailure("there is no such order; list the caller's orders first")
    ruling = shop.rule(order, condition)
    by_rules = {"decision": asdict(ruling), "decided_by": "rules"}
    if context.text_model is None:
        return by_rules
    facts = {
        "order": asdict(order),
        "article": asdict(shop.ARTICLES[order.article]),
        "condition": condition,
        "story": story,
        "by_the_letter": asdict(ruling),
    }
    context.note({"type": "decision_asked"})
    try:
        decision = await context.text_model.answer(_JUDGE, json.dumps(facts))
    except TextModelError:
        return by_rules
    return {"decision": decision, "decided_by": "model"}


@tool
async def list_articles(
    category: Literal["bicycles", "clothing", "parts", "electronics"] | None = None,
    most: Annotated[float | None, "The highest price in dollars."] = None,
) -> list[dict[str, Any]]:
    """What the shop sells, with prices in dollars."""
    return [
        {"article": a.number, "name": a.name, "price": a.price, "in_stock": a.in_stock}
        for a in shop.ARTICLES.values()
        if category in (None, a.category) and (most is None or a.price <= most)
    ]


@tool
async def place_order(
    articles: Annotated[list[str], "Numbers as list_articles gives them; one twice means two."],
    context: ToolContext,
) -> dict[str, Any]:
    """Order for the caller, who was verified, heard the total, and said yes to it."""
    _verified(context)
    wanted = [shop.ARTICLES.get(number.strip().upper()) for number in articles]
    known = [article for article in wanted if article is not None]
    if not known or len(known) < len(wanted):
        raise ToolFailure("one of these numbers means nothing; list the articles first")
    short = [a.name for a in dict.fromkeys(known) if known.count(a) > a.in_stock]
    if short:
        raise ToolFailure(f"not enough in stock: {', '.join(short)}")
    total = round(sum(article.price for article in known), 2)
    return {"ordered": [article.name for article in known], "total": total, "simulated": True}
