"""Messages between gateways."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.cluster.message import DEPTH, LONG, pack, unpack

PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
NAMES = st.text().filter(lambda name: name != "$part")
SHALLOW = st.lists(PLAIN) | st.dictionaries(NAMES, PLAIN)


@given(st.dictionaries(NAMES, PLAIN | SHALLOW))
def test_what_is_said_arrives(body: dict[str, Any]) -> None:
    assert unpack(pack(body)) == body


@pytest.mark.parametrize("text", ["x" * LONG, "é" * LONG, "\udc80" * LONG, '"\\' * LONG])
def test_long_strings_stand_behind_the_json(text: str) -> None:
    data = pack({"args": [text, {"audio": text}]})
    assert unpack(data) == {"args": [text, {"audio": text}]}
    assert int.from_bytes(data[:4]) < 100


@pytest.mark.parametrize("deep", [DEPTH + 1, 5_000])
def test_what_no_message_can_hold_is_refused(deep: int) -> None:
    value: Any = b"bytes, too deep"
    for _ in range(deep):
        value = [value]
    with pytest.raises(ValueError, match="cannot be said"):
        pack({"value": value})


def test_nobody_can_name_a_part_that_is_none_of_his() -> None:
    for args in ([{"$part": 0}], [{"audio": {"$part": 0}}], {"$part": 0, "more": 1}):
        with pytest.raises(ValueError, match="no name of a field"):
            pack({"audio": b"somebody's", "args": args})
    deep: Any = [[[[[{"$part": 0}]]]]]
    assert unpack(pack({"args": deep})) == {"args": deep}, "there it means nothing"


@given(st.binary())
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        unpack(data)


@given(st.data())
def test_a_message_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    whole = pack({"audio": b"1234", "name": "send_audio"})
    with pytest.raises(ValueError):  # noqa: PT011
        unpack(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_parts_that_are_not_there_are_refused() -> None:
    text = b'{"audio": {"$part": 1}}'
    with pytest.raises(ValueError, match="part is missing"):
        unpack(len(text).to_bytes(4) + text)
