from gateway.core.session_updates import SessionUpdates, merged


def test_what_is_confirmed_is_in_force() -> None:
    updates = SessionUpdates({"instructions": "a"})
    updates.own()
    updates.ask("one", {"instructions": "b"})
    assert updates.confirmed() == "", "the gateway's own was first"
    assert updates.session == {"instructions": "a"}
    assert updates.confirmed() == "one"
    assert updates.session == {"instructions": "b"}
    assert updates.confirmed() == ""


def test_what_is_refused_spoils_nothing() -> None:
    updates = SessionUpdates({})
    updates.ask("one", {"output_modalities": ["smell"]})
    updates.ask("two", {"instructions": "b"})
    assert updates.refused("one")
    assert not updates.refused("one")
    assert updates.confirmed() == "two"
    assert updates.session == {"instructions": "b"}


def test_a_fresh_connection_is_asked_again() -> None:
    updates = SessionUpdates({})
    updates.own()
    updates.ask("one", {"instructions": "b"})
    assert [update.event_id for update in updates.take_waiting()] == ["one"]
    assert updates.take_waiting() == []


def test_audio_is_merged_field_by_field_and_the_rest_replaced() -> None:
    session = {"tools": [1], "audio": {"input": {"turn_detection": {"type": "a", "x": 1}}}}
    change = {"tools": [2], "audio": {"input": {"turn_detection": {"type": "a", "y": 2}}}}
    assert merged(session, change) == {
        "tools": [2],
        "audio": {"input": {"turn_detection": {"type": "a", "x": 1, "y": 2}}},
    }
    other = {"audio": {"input": {"turn_detection": {"type": "b"}}, "output": {"voice": "c"}}}
    assert merged(session, other)["audio"] == {
        "input": {"turn_detection": {"type": "b"}},
        "output": {"voice": "c"},
    }
    off = {"audio": {"input": {"turn_detection": None}}}
    assert merged(session, off)["audio"] == {"input": {"turn_detection": None}}
