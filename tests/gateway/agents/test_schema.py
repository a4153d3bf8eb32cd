from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agents.schema import BadArguments, Parameters, SchemaError


class Injected:
    pass


def order(
    context: Injected,
    item: str,
    count: int,
    price: float,
    gift: bool,
    size: Literal["small", "large"],
    notes: list[str],
    colour: Annotated[str | None, "As the caller said it."],
    floor: Optional[int] = 3,  # noqa: UP045
    tags: list[Literal[1, 2]] | None = None,
) -> None:
    """Order something.

    Only what is
    in the list.

    :param item: what it is,
        by its name
    :param count: how many
    :return: nothing
    """


ORDER = Parameters(order, Injected)
GIVEN: dict[str, Any] = {
    "item": "lamp",
    "count": 2,
    "price": 9.5,
    "gift": False,
    "size": "small",
    "notes": ["fragile"],
    "colour": None,
}


def test_a_signature_becomes_a_strict_schema() -> None:
    assert ORDER.summary == "Order something.\n\nOnly what is in the list."
    assert ORDER.injected == "context"
    assert ORDER.schema == {
        "type": "object",
        "properties": {
            "item": {"type": "string", "description": "what it is, by its name"},
            "count": {"type": "integer", "description": "how many"},
            "price": {"type": "number"},
            "gift": {"type": "boolean"},
            "size": {"type": "string", "enum": ["small", "large"]},
            "notes": {"type": "array", "items": {"type": "string"}},
            "colour": {"type": ["string", "null"], "description": "As the caller said it."},
            "floor": {"type": ["integer", "null"]},
            "tags": {
                "type": ["array", "null"],
                "items": {"type": "integer", "enum": [1, 2]},
            },
        },
        "required": [*GIVEN, "floor", "tags"],
        "additionalProperties": False,
    }


def test_googles_docstrings_describe_parameters_too() -> None:
    def weigh(item: str, floor: int = 0) -> None:
        """Weigh it.

        Args:
            item: what is
                weighed
            floor: where

        Returns:
            nothing
        """

    parameters = Parameters(weigh, Injected)
    assert parameters.summary == "Weigh it."
    described = {n: p["description"] for n, p in parameters.schema["properties"].items()}
    assert described == {"item": "what is weighed", "floor": "where"}


def test_arguments_that_fit_are_taken() -> None:
    assert ORDER.parse(GIVEN) == {**GIVEN, "floor": 3, "tags": None}
    given = {**GIVEN, "price": 9, "count": 2.0, "floor": None, "tags": [2, 1]}
    parsed = ORDER.parse(given)
    assert (parsed["price"], parsed["count"]) == (9.0, 2)
    assert [type(parsed[name]) for name in ("price", "count")] == [float, int]
    assert (parsed["floor"], parsed["tags"]) == (3, [2, 1])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"item": 5}, "item: expected string"),
        ({"item": None}, "item: expected string"),
        ({"count": True}, "count: expected integer"),
        ({"count": 2.5}, "count: expected integer"),
        ({"price": "9"}, "price: expected number"),
        ({"gift": 1}, "gift: expected boolean"),
        ({"size": "huge"}, "size: expected one of 'small', 'large'"),
        ({"notes": "fragile"}, "notes: expected an array"),
        ({"notes": ["a", 1]}, "notes[1]: expected string"),
        ({"tags": [True]}, "tags[0]: expected one of 1, 2"),
        ({"weight": 1}, "weight: there is no such parameter"),
        ({"item": 5, "gift": "no"}, "item: expected string; gift: expected boolean"),
    ],
)
def test_arguments_that_do_not_fit_are_explained(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadArguments) as wrong:
        ORDER.parse({**GIVEN, **changes})
    assert str(wrong.value) == complaint


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadArguments) as wrong:
        ORDER.parse({"item": "lamp", "count": 1, "price": 1, "gift": True, "notes": []})
    assert str(wrong.value) == "size: missing"


def test_what_cannot_be_told_to_a_model_is_refused() -> None:
    def untyped(item) -> None:  # type: ignore[no-untyped-def]
        pass

    def mapping(item: dict[str, str]) -> None:
        pass

    def several(item: int | str) -> None:
        pass

    def rest(*items: str) -> None:
        pass

    class Local:
        pass

    def local(item: Local) -> None:
        pass

    for function in (untyped, mapping, several, rest, local):
        with pytest.raises(SchemaError) as refused:
            Parameters(function, Injected)
        assert str(refused.value).startswith(function.__name__)


_SCALARS = st.sampled_from([None, True, 0, 2, 2.5, "", "small"])
_JSON = _SCALARS | st.lists(_SCALARS, max_size=2) | st.just({"a": 1})


@given(st.dictionaries(st.sampled_from([*GIVEN, "floor", "tags", "other"]), _JSON))
def test_whatever_a_model_writes_is_parsed_or_refused(arguments: dict[str, Any]) -> None:
    with contextlib.suppress(BadArguments):
        assert ORDER.parse({**GIVEN, **arguments}).keys() == ORDER.names
