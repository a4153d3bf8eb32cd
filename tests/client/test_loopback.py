import pytest
from aiortc import RTCIceGatherer

from client.python.loopback import gather_only_on, loopback_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://127.9.9.9", "127.9.9.9"),
        ("https://localhost/path", "127.0.0.1"),
        ("http://[::1]:8000", "::1"),
        ("http://192.0.2.1:8000", None),
        ("https://gateway.example", None),
        ("nonsense", None),
    ],
)
def test_the_loopback_address_of_a_url(url: str, address: str | None) -> None:
    assert loopback_address(url) == address


async def test_one_gatherer_is_confined_and_no_other() -> None:
    confined, other = RTCIceGatherer(iceServers=[]), RTCIceGatherer(iceServers=[])
    gather_only_on(confined, "127.0.0.1")
    await confined.gather()
    await other.gather()
    assert [candidate.ip for candidate in confined.getLocalCandidates()] == ["127.0.0.1"]
    assert "127.0.0.1" not in [candidate.ip for candidate in other.getLocalCandidates()]
    for gatherer in (confined, other):
        await gatherer._connection.close()
