import asyncio
import time

import pytest
from aiortc import RTCCertificate, RTCDtlsFingerprint

from client.python.bench import transport
from client.python.bench.errors import BenchError
from client.python.bench.offer import LocalMedia, RemoteMedia
from client.python.bench.rtp import RtpSender
from client.python.bench.transport import MediaTransport


class Peer:
    """One end; keeps the RTP that came."""

    def __init__(self, certificate: RTCCertificate) -> None:
        self.received: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()
        self.rtp = RtpSender(ssrc=1, payload_type=111, sequence=0, timestamp=0)
        self.transport = MediaTransport(
            certificate, lambda packet, at: self.received.put_nowait((packet, at))
        )

    async def next(self) -> tuple[bytes, float]:
        async with asyncio.timeout(5):
            return await self.received.get()


def remote_of(local: LocalMedia, dtls_role: str, fingerprint: str | None = None) -> RemoteMedia:
    return RemoteMedia(
        user_fragment=local.user_fragment,
        password=local.password,
        dtls_role=dtls_role,
        fingerprints=[RTCDtlsFingerprint("sha-256", fingerprint or local.fingerprint)],
        candidates=[local.candidate],
    )


async def test_rtp_goes_both_ways_in_either_dtls_role() -> None:
    certificate = RTCCertificate.generateCertificate()
    one, two = Peer(certificate), Peer(certificate)
    ends = (await one.transport.gather(1), await two.transport.gather(2))
    assert ends[0].candidate.host == "127.0.0.1"
    await asyncio.gather(
        one.transport.connect(remote_of(ends[1], "client")),
        two.transport.connect(remote_of(ends[0], "server")),
    )
    assert one.transport.is_up
    assert two.transport.is_up
    for sender, receiver in ((one, two), (two, one)):
        packet = sender.rtp.packet(b"opus")
        before = time.monotonic()
        sender.transport.send_rtp(packet)
        received, at = await receiver.next()
        assert received == packet
        assert before <= at <= time.monotonic()
    one.transport.send_rtcp(one.rtp.report(None, 0))
    one.transport.send_rtp(one.rtp.packet(b"after"))
    await two.next()
    assert two.transport.rtcp_received == 1
    told = asyncio.Event()
    two.transport._dtls.on("statechange", told.set)
    await one.transport.close()
    assert not one.transport.is_up
    async with asyncio.timeout(5):
        await told.wait()
    assert not two.transport.is_up
    await two.transport.close()
    one.transport.send_rtp(one.rtp.packet(b"into the void"))


async def test_a_caller_may_go_without_a_word() -> None:
    certificate = RTCCertificate.generateCertificate()
    one, two = Peer(certificate), Peer(certificate)
    ends = (await one.transport.gather(1), await two.transport.gather(2))
    await asyncio.gather(
        one.transport.connect(remote_of(ends[1], "client")),
        two.transport.connect(remote_of(ends[0], "server")),
    )
    came: list[bytes] = []
    two.transport._carrier.put = came.append  # type: ignore[method-assign]
    await one.transport.close(silently=True)
    two.transport.send_rtp(two.rtp.packet(b"to nobody"))
    await asyncio.sleep(0.05)
    assert came == []
    assert two.transport.is_up
    await two.transport.close()


async def test_a_peer_that_does_not_answer_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.1)
    certificate = RTCCertificate.generateCertificate()
    alone = Peer(certificate)
    local = await alone.transport.gather(1)
    nobody = remote_of(local, "client")
    nobody.candidates[0].port = 9
    with pytest.raises(BenchError, match="no media path"):
        await alone.transport.connect(nobody)
    await alone.transport.close()


async def test_another_certificate_is_refused() -> None:
    certificate = RTCCertificate.generateCertificate()
    one, two = Peer(certificate), Peer(certificate)
    ends = (await one.transport.gather(1), await two.transport.gather(2))
    wrong = ":".join(["00"] * 32)
    results = await asyncio.gather(
        one.transport.connect(remote_of(ends[1], "client", wrong)),
        two.transport.connect(remote_of(ends[0], "server")),
        return_exceptions=True,
    )
    assert isinstance(results[0], BenchError)
    assert "DTLS" in str(results[0])
    await asyncio.gather(one.transport.close(), two.transport.close())
