"""A model that reasons in text, as agents see it. Who runs the gateway decides which one it is."""

from __future__ import annotations

from typing import Protocol


class TextModel(Protocol):
    """Asked a question, it thinks and answers; the caller waits meanwhile."""

    async def answer(self, instructions: str, question: str) -> str:
        """:raises TextModelError: it cannot be reached, or would not answer."""


class TextModelError(Exception):
    """No answer; one sentence, fit for the agent that asked, says why."""
