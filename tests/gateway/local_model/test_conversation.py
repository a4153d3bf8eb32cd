import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.audio import AudioFormat
from gateway.local_model.conversation import ROOT, Conversation, Item, ItemError, Part, turns_of
from gateway.local_model.dialogue import Turn


def user(item_id: str, text: str = "hello") -> Item:
    return Item(item_id, role="user", parts=[Part("input_text", text=text)])


def spoken(item_id: str, *sentences: str, seconds: float = 1.0) -> Item:
    part = Part("output_audio")
    for sentence in sentences:
        end = part.samples + round(seconds * 24_000)
        part.add_sentence(sentence, end)
        part.append_audio(bytes(round(seconds * 24_000) * 2))
    return Item(item_id, role="assistant", parts=[part])


def ids(conversation: Conversation) -> list[str]:
    return [item.id for item in conversation.items]


def test_items_come_where_they_are_put() -> None:
    conversation = Conversation()
    assert conversation.insert(user("b")) is None
    assert conversation.insert(user("d")) == "b"
    assert conversation.insert(user("c"), "b") == "b"
    assert conversation.insert(user("a"), ROOT) is None
    assert ids(conversation) == ["a", "b", "c", "d"]
    assert conversation.last_id == "d"
    assert conversation.previous_id("a") is None
    assert conversation.previous_id("d") == "c"
    assert conversation.previous_id("gone") is None


def test_what_is_not_there_is_an_error() -> None:
    conversation = Conversation()
    conversation.insert(user("a"))
    with pytest.raises(ItemError, match="'x' does not exist"):
        conversation.insert(user("b"), "x")
    with pytest.raises(ItemError, match="'a' exists already"):
        conversation.insert(user("a"))
    with pytest.raises(ItemError):
        conversation.get("x")
    with pytest.raises(ItemError):
        conversation.delete("x")
    conversation.delete("a")
    assert ids(conversation) == []


def test_truncation_keeps_what_was_heard() -> None:
    conversation = Conversation()
    item = spoken("a", "One.", "Two.", "Three.")
    conversation.insert(item)
    (part,) = item.parts
    assert part.duration_ms == 3_000
    conversation.truncate("a", 0, 2_100)
    assert part.duration_ms == 2_100
    assert len(part.audio) == 2 * 2_100 * 24
    assert part.text is None
    assert item.turn() == Turn("assistant", "One. Two.")
    assert item.as_json()["content"] == [{"type": "output_audio", "transcript": None}]


def test_nothing_is_added_behind_a_truncation() -> None:
    conversation = Conversation()
    item = spoken("a", "One.")
    conversation.insert(item)
    conversation.truncate("a", 0, 500)
    item.parts[0].append_audio(bytes(100))
    item.parts[0].add_sentence("Two.", 48_000)
    assert item.parts[0].duration_ms == 500
    assert item.parts[0].text is None


@pytest.mark.parametrize(
    ("item_id", "index", "audio_end_ms", "message"),
    [
        ("said", 0, 1_001, "already shorter than 1001ms"),
        ("said", 1, 0, "no audio at content_index 1"),
        ("heard", 0, 0, "Only assistant messages"),
        ("gone", 0, 0, "does not exist"),
    ],
)
def test_what_cannot_be_truncated(
    item_id: str, index: int, audio_end_ms: int, message: str
) -> None:
    conversation = Conversation()
    conversation.insert(user("heard"))
    conversation.insert(spoken("said", "One."))
    with pytest.raises(ItemError, match=message):
        conversation.truncate(item_id, index, audio_end_ms)


def test_json_of_every_kind() -> None:
    heard = Part("input_audio", audio=bytearray(b"\1\2"), samples=1)
    item = Item("a", role="user", parts=[heard])
    # The key is there before the transcript is: clients count on it.
    assert item.as_json()["content"] == [{"type": "input_audio", "transcript": None}]
    assert item.as_json(with_audio=True)["content"][0]["audio"] == "AQI="
    call = Item("b", "function_call", call={"name": "f", "call_id": "c", "arguments": "{}"})
    assert call.as_json() == {
        "id": "b",
        "object": "realtime.item",
        "type": "function_call",
        "status": "completed",
        "name": "f",
        "call_id": "c",
        "arguments": "{}",
    }


def test_the_dialogue_sees_who_said_what() -> None:
    heard = Part("input_audio", understood="good morning")
    output = Item("d", "function_call_output", call={"call_id": "c", "output": "42"})
    items = [
        Item("a", role="system", parts=[Part("input_text", text="be brief")]),
        Item("b", role="user", parts=[heard]),
        spoken("c", "Hello."),
        output,
        Item("e", role="assistant"),
    ]
    assert turns_of(items) == [
        Turn("user", "good morning"),
        Turn("assistant", "Hello."),
        Turn("tool", "42"),
    ]


def test_old_audio_is_forgotten_its_length_is_not() -> None:
    conversation = Conversation()
    for index in range(12):
        part = Part("input_audio", audio=bytearray(480_000), samples=240_000)
        conversation.insert(Item(f"item{index}", role="user", parts=[part]))
    kept = sum(len(item.parts[0].audio) for item in conversation.items)
    assert 0 < kept <= 4 * 1024 * 1024
    assert not conversation.items[0].parts[0].audio
    assert conversation.items[-1].parts[0].audio
    assert all(item.parts[0].duration_ms == 10_000 for item in conversation.items)


def test_a_started_millisecond_counts() -> None:
    assert Part("output_audio", samples=25).duration_ms == 2
    assert Part("output_audio", format=AudioFormat.PCMU, samples=8).duration_ms == 1


def test_the_oldest_item_gives_way() -> None:
    conversation = Conversation()
    for index in range(1_001):
        conversation.insert(user(f"item{index}"))
    assert len(conversation) == 1_000
    assert conversation.items[0].id == "item1"
    conversation.insert(user("first"), ROOT)
    assert conversation.items[0].id == "first"
    assert len(conversation) == 1_000


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 20)), max_size=30))
def test_order_is_that_of_a_list(steps: list[tuple[int, int]]) -> None:
    conversation, model = Conversation(), list[str]()
    for name, after in steps:
        item_id = f"item{name}"
        if item_id in model:
            conversation.delete(item_id)
            model.remove(item_id)
            continue
        previous = ROOT if after < 0 else f"item{after}"
        place = 0 if after < 0 else model.index(previous) + 1 if previous in model else None
        if place is None:
            with pytest.raises(ItemError):
                conversation.insert(user(item_id), previous)
            continue
        model.insert(place, item_id)
        expected = model[place - 1] if place else None
        assert conversation.insert(user(item_id), previous) == expected
    assert ids(conversation) == model
