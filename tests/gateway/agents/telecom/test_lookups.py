from typing import Any

import pytest

from gateway.agents.telecom.lookups import (
    LOOKUPS,
    find_nearest_store,
    get_user_account_info,
    lookup_policy_document,
)
from gateway.agents.tool import Tool, ToolContext, ToolFailure

CONTEXT = ToolContext("sess_1", "chatAgent")


async def look_up(tool: Tool, **arguments: str) -> Any:
    return await tool.run(arguments, CONTEXT)


def test_their_names_and_parameters_are_those_of_the_contract() -> None:
    assert {tool.name: tool.parameters["required"] for tool in LOOKUPS} == {
        "lookupPolicyDocument": ["topic"],
        "getUserAccountInfo": ["phone_number"],
        "findNearestStore": ["zip_code"],
    }


async def test_what_they_find() -> None:
    documents = await look_up(lookup_policy_document, topic="roaming")
    assert documents[0]["title"] == "Roaming"
    assert "$8" in documents[0]["content"]
    account = await look_up(get_user_account_info, phone_number="+1 (206) 135-1246")
    assert account["name"] == "Alice Marlow"
    store = await look_up(find_nearest_store, zip_code="98101-4321")
    assert (store["name"], store["distanceMiles"]) == ("Pine Street", 0)


@pytest.mark.parametrize(
    ("tool", "argument", "says"),
    [
        (lookup_policy_document, {"topic": "the moon"}, "There are: Plans"),
        (get_user_account_info, {"phone_number": "206 135"}, "10 digits"),
        (get_user_account_info, {"phone_number": "2061351247"}, "no account"),
        (find_nearest_store, {"zip_code": "12"}, "5 digits"),
        (find_nearest_store, {"zip_code": "00001"}, "00001"),
    ],
)
async def test_what_they_do_not_find(tool: Tool, argument: dict[str, str], says: str) -> None:
    with pytest.raises(ToolFailure, match=says):
        await look_up(tool, **argument)
