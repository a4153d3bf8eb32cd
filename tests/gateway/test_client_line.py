import json

from gateway.client_line import ClientLine
from gateway.realtime.client_events import ClientEventError


class Socket:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, message: str) -> None:
        self.sent.append(message)

    def close(self, reason: str) -> None:
        raise AssertionError


def test_a_mistake_is_told_with_the_clients_own_id() -> None:
    socket = Socket()
    ClientLine(socket, frozenset()).tell_error(ClientEventError("a", "b", "c", "mine"))
    (message,) = socket.sent
    error = json.loads(message)["error"]
    assert (error["code"], error["message"], error["param"]) == ("a", "b", "c")
    assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")
