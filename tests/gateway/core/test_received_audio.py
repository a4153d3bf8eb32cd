from gateway.core.received_audio import MAX_ITEMS, ReceivedAudio


def test_what_was_sent_is_counted() -> None:
    received = ReceivedAudio()
    assert received.samples("item_1") is None
    received.add("item_1", 480)
    received.add("item_1", 20)
    assert received.samples("item_1") == 500
    assert not received.is_finished("item_1")
    received.finish("item_1")
    assert received.is_finished("item_1")
    received.finish("item_2")
    assert not received.is_finished("item_2")


def test_what_comes_after_a_cut_does_not_count() -> None:
    received = ReceivedAudio()
    received.add("item_1", 480)
    received.cut("item_1", 240)
    received.add("item_1", 480)
    assert received.samples("item_1") == 240
    assert received.is_finished("item_1")
    received.cut("item_2", 240)
    assert received.samples("item_2") is None


def test_the_oldest_are_forgotten() -> None:
    received = ReceivedAudio()
    for number in range(MAX_ITEMS + 1):
        received.add(f"item_{number}", 1)
    assert received.samples("item_0") is None
    assert received.samples("item_1") == 1
