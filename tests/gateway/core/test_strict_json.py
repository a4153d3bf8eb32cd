from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import strict_json
from gateway.core.strict_json import TooMuch, loads, loads_bounded

LONG = "b" * strict_json.LONG
FILLED = "c" * (strict_json.MAX_REST + 1)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[1e999]", "-1e999", "{", "", "[" * 100_000])
def test_what_python_takes_for_json_is_refused(text: str) -> None:
    for read in (loads, loads_bounded):
        with pytest.raises(ValueError, match=r"."):
            read(text)


def test_what_is_json_is_read() -> None:
    text = '{"a": [1, -0.5, 1e300, null, "\\u00e9"]}'
    assert loads(text) == loads(text.encode()) == loads_bounded(text) == json.loads(text)


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
PIECES = {"L": LONG, "F": FILLED, "Q": 'a"', "B": "\\", "N": "\n", "E": "é", "A": "audio"}
STRINGS = st.text("LFQBNEA", max_size=3).map(lambda names: "".join(PIECES[n] for n in names))


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        PLAIN | STRINGS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    st.booleans(),
)
def test_long_texts_are_read_as_pythons_own_reader_does(value: Any, ascii_only: bool) -> None:
    text = json.dumps({"x": value, "pad": FILLED}, ensure_ascii=ascii_only)
    try:
        read = loads_bounded(text)
    except TooMuch:
        assert "\\" in text or len(text) > strict_json.MAX_REST
    else:
        assert read == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a": "{FILLED}',
        f'{{"a": {FILLED}}}',
        f'{{"a": "x"{FILLED}"y"}}',
        f'{{"a": ""{FILLED}""}}',
        f'{{"{FILLED}": 1}}',
        f'["{FILLED}" "{FILLED}"]',
        f'{{"a": "{FILLED}", "a": 1}}',
        f'{{"a": "{FILLED}", "b": {"[" * 800 + "]" * 800}}}',
    ],
)
def test_a_long_run_that_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads_bounded(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * strict_json.MAX_VALUES + "[]]",
        "[" + "1," * strict_json.MAX_VALUES + "1]",
        json.dumps(["\n" * strict_json.MAX_REST]),
        json.dumps(["ab"] * strict_json.MAX_REST),
    ],
)
def test_much_beside_long_strings_is_refused(text: str) -> None:
    with pytest.raises(TooMuch):
        loads_bounded(text)
