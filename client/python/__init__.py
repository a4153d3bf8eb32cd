"""The headless client: a WebRTC and Socket.IO caller for tests, tools and bots."""

from client.python.client import ANY_ADDRESS, TalkpathClient
from client.python.errors import ClientError
from client.python.events import Event
from client.python.heard import Gap, HeardFrame
from client.python.microphone import Microphone, Utterance
from client.python.peer import CallStats
from client.python.speaker import Speaker
from client.python.turns import Turn

__all__ = [
    "ANY_ADDRESS",
    "CallStats",
    "ClientError",
    "Event",
    "Gap",
    "HeardFrame",
    "Microphone",
    "Speaker",
    "TalkpathClient",
    "Turn",
    "Utterance",
]
