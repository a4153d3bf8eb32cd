import numpy as np

from gateway.local_model.outputs import Outbox, Run, Send
from gateway.local_model.utterance import Piece


def test_outputs_are_taken_once_and_in_order() -> None:
    outbox = Outbox()
    piece = Piece(np.zeros(1, np.int16))
    outbox.send({"type": "first"})
    outbox.put(Run(piece, urgent=True))
    outbox.send({"type": "second"})
    first, run, second = outbox.take()
    assert isinstance(first, Send)
    assert isinstance(second, Send)
    assert run == Run(piece, urgent=True)
    assert [first.event["type"], second.event["type"]] == ["first", "second"]
    assert list(outbox.take()) == []


def test_every_event_has_an_id_of_its_own() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.send({"type": "a"})
    ids = {output.event["event_id"] for output in outbox.take() if isinstance(output, Send)}
    assert len(ids) == 3
