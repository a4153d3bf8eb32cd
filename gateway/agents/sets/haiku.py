"""Two agents and one hand-off: the smallest set that shows it."""

from __future__ import annotations

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.word_rules import WordRules

_GREETER = """\
You welcome callers to a telephone line for poems. Say hello in one short sentence, and ask what the
caller would like a haiku about: a thing, a season, a mood, anything. Do not write poems yourself.
As soon as you know the subject, hand the call to the haiku writer. Somebody who wants no poem is
thanked for the call. Answer in the language that the caller speaks.
"""

_WRITER = """\
You write haiku on the telephone. You know from the hand-off what the caller wants one about; if you
do not, ask for it. Recite one haiku: three lines of five, seven and five syllables, slowly, with a
pause after each line, and no title. It shows one picture from nature, and lets it speak for itself.
Then ask in a few words whether there shall be another. Answer in the language that the caller
speaks.
"""

AGENTS = AgentSet(
    name="haiku",
    agents=(
        Agent("greeter", _GREETER, handoffs=("haikuWriter",)),
        Agent(
            "haikuWriter",
            _WRITER,
            voice="cedar",
            handoff_description="Writes and recites a haiku about what the caller names.",
        ),
    ),
    entry="greeter",
    company_name="The Poem Line",
    guardrails=(WordRules(),),
)
