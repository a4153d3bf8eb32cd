"""Tools every agent may be given: what can be done with the call itself."""

from __future__ import annotations

import re
from typing import Annotated

from gateway.agents.tool import ToolContext, ToolFailure, tool

_KEYS = re.compile(r"[0-9*#A-D]{1,64}")


@tool
async def hang_up(
    reason: Annotated[str, "Why the call is over, in a few words."], context: ToolContext
) -> str:
    """End the call. Say goodbye in the same breath. Only when the caller wants no more, or after
    fair warning.
    """
    context.call.hang_up(reason)
    return "The call ends as soon as the caller has heard your goodbye. Add nothing else."


@tool(timeout=45.0)
async def transfer_call(
    target: Annotated[str, "A phone number with its country code, or a SIP address."],
    context: ToolContext,
) -> str:
    """Pass the caller on to a person or another line. Say first that you will."""
    await context.call.transfer(target)
    return "The caller has been passed on."


@tool(timeout=45.0)
async def pass_to_person(context: ToolContext) -> str:
    """Pass the caller on to a person of the company. Say first that you will."""
    await context.call.transfer(None)
    return "The caller has been passed on."


@tool(timeout=30.0)
async def send_dtmf(
    keys: Annotated[str, "The keys in order, of 0-9, *, # and A-D."], context: ToolContext
) -> str:
    """Press keys of the telephone towards the other end, as for a menu or an extension."""
    if not _KEYS.fullmatch(keys):
        raise ToolFailure("keys: expected 1 to 64 of 0-9, *, # and A-D")
    await context.call.send_dtmf(keys)
    return "The keys were pressed."
