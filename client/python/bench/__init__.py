"""`talkpath bench`: many real calls against a gateway, and what they cost and heard.

Both ends of the gateway are here: callers that speak WebRTC, and the Realtime model that the
gateway connects to. So a latency is the difference of two readings of one clock.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; what it imports is heavy, and not needed to know that it is there."""
    from client.python.bench.command import main as run

    return run(argv)
