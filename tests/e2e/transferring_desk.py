"""An agent who may do all that can be done with a telephone's call."""

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.call_tools import hang_up, send_dtmf, transfer_call

AGENTS = AgentSet(
    name="transferring_desk",
    agents=(Agent("desk", "Pass callers on.", tools=(hang_up, transfer_call, send_dtmf)),),
    entry="desk",
    company_name="Tea & Co",
)
