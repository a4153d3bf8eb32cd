"""Who answers a call: an agent's instructions and voice, by the name of its set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """One voice with one task. ``voice`` None: the gateway's default voice."""

    name: str
    instructions: str
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class AgentSet:
    """The agents of a call. ``entry`` takes it."""

    name: str
    entry: Agent


_JUNIOR = Agent(
    name="chatAgent",
    instructions="""\
You are the voice at the front desk of NewTelco, a mobile and home internet company. You are on a
live phone call. Speak in short, plain sentences, warm but not chatty; no lists, no headings,
nothing that cannot be said aloud. Greet the caller once: "Hi, you've reached NewTelco, how can I
help you?" Chat, repeat yourself when asked, and collect what is needed to help: a phone number, a
zip code, the topic of a question. Do not state account details, prices, policies or store locations
as facts: you have no access to them on this call. Say so in one sentence and offer to take a note
of the question. If the caller interrupts, stop and listen.
Answer in the language that the caller speaks.""",
)

AGENT_SETS = {agents.name: agents for agents in (AgentSet("chat_supervisor", _JUNIOR),)}
"""The sets a client may ask for by name."""
