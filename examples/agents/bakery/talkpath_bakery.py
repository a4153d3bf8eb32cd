"""A bakery that answers its telephone.

pip install ./examples/agents/bakery
AGENT_SET=bakery talkpath serve
"""

from typing import Literal

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.call_tools import hang_up
from gateway.agents.tool import ToolContext, ToolFailure, tool

PRICES = {"rye": 4.5, "spelt": 5.2, "baguette": 2.1}


@tool
def order(bread: Literal["rye", "spelt", "baguette"], count: int, context: ToolContext) -> str:
    """Put bread aside for the caller.

    :param count: loaves
    """
    if not 1 <= count <= 20:
        raise ToolFailure("between 1 and 20 loaves can be ordered by telephone")
    basket = context.memory.setdefault("basket", [])
    basket.append((bread, count))
    return f"In the basket, for {sum(PRICES[kind] * n for kind, n in basket):.2f} euros: {basket}"


AGENTS = AgentSet(
    name="bakery",
    company_name="Crust and Crumb",
    entry="counter",
    agents=(
        Agent(
            name="counter",
            instructions="You sell bread by telephone for the bakery Crust and Crumb. Be brief.",
            tools=(order, hang_up),
            handoffs=("baker",),
        ),
        Agent(
            name="baker",
            instructions="You bake. Answer questions about flour, dough and ovens. Be brief.",
            handoffs=("counter",),
            handoff_description="Knows how the bread is made.",
        ),
    ),
)
