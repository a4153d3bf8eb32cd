import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from client.python.errors import ClientError
from client.python.microphone import Microphone
from client.python.peer import CallStats, Peer
from tests.client.scripted import ScriptedGateway


async def test_the_offer_trickles_its_candidates_and_wants_opus() -> None:
    peer = Peer(Microphone(), [], "127.0.0.1")
    offer, candidates = await peer.offer()
    await peer.close()
    assert "a=candidate" not in offer
    assert "a=sendrecv" in offer
    assert [line.split()[1] for line in offer.splitlines() if line.startswith("a=rtpmap")] == [
        "opus/48000/2"
    ]
    (candidate,) = candidates
    assert candidate["candidate"].startswith("candidate:")
    assert candidate["candidate"].split()[4] == "127.0.0.1"
    assert (candidate["sdpMid"], candidate["sdpMLineIndex"]) == ("0", 0)


@pytest.mark.parametrize("answer", ["", "nonsense", "v=0\r\nm=audio 0 X\r\n"])
async def test_an_unusable_answer_is_an_error(answer: str) -> None:
    peer = Peer(Microphone(), [], "127.0.0.1")
    await peer.offer()
    with pytest.raises(ClientError) as caught:
        await peer.accept(answer)
    assert caught.value.code == "negotiation_failed"
    await peer.close()
    assert peer.state == "closed"


async def test_an_answer_that_leads_nowhere_ends_the_wait() -> None:
    peer = Peer(Microphone(), [], "127.0.0.1")
    offer, _ = await peer.offer()
    other = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    await other.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    answer = await other.createAnswer()
    await other.close()
    await peer.accept(answer.sdp)
    with pytest.raises(ClientError) as caught:
        await peer.wait_connected(0.05)
    assert caught.value.code == "media_failed"
    assert await peer.stats() == CallStats()
    await peer.close()


async def test_hanging_up_is_told_to_the_other_end(gateway: ScriptedGateway) -> None:
    peer = Peer(Microphone(), [], "127.0.0.1")
    offer, candidates = await peer.offer()
    await peer.accept(await gateway.answer_offer(offer))
    for candidate in candidates:
        await gateway.add_candidate(candidate)
    await peer.wait_connected(5.0)
    await peer.close()
    await gateway.media_ended(5.0)


def test_loss_is_of_what_was_expected() -> None:
    assert CallStats().loss_percent == 0.0
    assert CallStats(received=90, lost=10).loss_percent == 10.0
    assert CallStats(received=90, lost=8, late=2).loss_percent == pytest.approx(10.2, abs=0.01)
