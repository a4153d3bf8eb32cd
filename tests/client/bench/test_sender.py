import asyncio
from collections.abc import Callable

from client.python.bench.path import LossyPath
from client.python.bench.profile import parse_profile
from client.python.bench.rtp import RtpSender, parse_header
from client.python.bench.sender import VoiceSender, later, pace
from client.python.bench.track import (
    PACKET_SECONDS,
    PROBE_EVERY,
    STAIR_LEAD,
    STAIR_LOST,
    STAIR_PACKETS,
    Track,
    staircase_track,
)
from client.python.bench.uplink import UplinkMeter

TRACK = Track(tuple(bytes((n,)) for n in range(100)), {1: 0, 51: 1})


class Meter(UplinkMeter):
    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[int, bool]] = []

    def probe_sent(self, tone: int, at: float, lost: bool) -> None:
        self.marks.append((tone, lost))


class Network:
    """Takes what is sent; holds what is to be sent later."""

    def __init__(self, profile: str = "rest", start_at: int = 0) -> None:
        self.packets: list[bytes] = []
        self.held: list[tuple[float, Callable[[], None]]] = []
        self.meter = Meter()
        rtp = RtpSender(ssrc=1, payload_type=111, sequence=0, timestamp=0)
        path = LossyPath(parse_profile(profile), seed=3)
        later = lambda when, send: self.held.append((when, send))  # noqa: E731
        self.sender = VoiceSender(self, rtp, TRACK, path, self.meter, later, start_at)

    def send_rtp(self, packet: bytes) -> None:
        self.packets.append(packet)

    def tick(self, times: int) -> None:
        for _ in range(times):
            self.sender.tick()

    @property
    def payloads(self) -> list[bytes]:
        return [packet[parse_header(packet).payload_at :] for packet in self.packets]

    @property
    def sequence(self) -> list[int]:
        return [parse_header(packet).sequence for packet in self.packets]


def test_the_track_is_sent_from_its_place_and_repeated() -> None:
    network = Network(start_at=298)
    network.tick(4)
    assert network.payloads == [b"\x62", b"\x63", b"\x00", b"\x01"]
    assert network.sequence == [0, 1, 2, 3]
    assert network.meter.marks == [(0, False)]


def test_a_lost_packet_leaves_a_gap_and_a_lost_probe_is_told() -> None:
    network = Network("loss=50")
    network.tick(200)
    sender = network.sender
    assert sender.ticks == 200
    assert sender.lost == 200 - len(network.packets) > 50
    assert sorted(set(network.sequence)) == network.sequence
    assert network.sequence[-1] >= 190
    sent = set(network.payloads)
    assert len(network.meter.marks) == 4
    assert {tone for tone, lost in network.meter.marks if not lost} <= {
        tone for place, tone in TRACK.probes.items() if bytes((place,)) in sent
    }


def test_a_delayed_packet_is_sent_later_as_it_was() -> None:
    network = Network("jitter=30")
    network.tick(3)
    assert len(network.packets) + len(network.held) == 3
    assert network.held
    for _, send in network.held:
        send()
    assert sorted(network.payloads) == [b"\x00", b"\x01", b"\x02"]
    assert sorted(network.sequence) == [0, 1, 2]


def test_a_staircase_begins_between_two_probes_and_loses_one_packet() -> None:
    network = Network()
    network.sender.play_staircase()
    network.tick(PROBE_EVERY // 2)
    assert network.sender.stairs_sent == {}
    assert network.meter.staircase is None
    stairs = STAIR_LEAD + STAIR_PACKETS
    network.tick(stairs)
    sent = network.sender.stairs_sent
    assert list(sent) == list(range(STAIR_PACKETS))
    assert list(sent.values()) == sorted(sent.values())
    assert network.meter.staircase is not None
    assert network.sender.lost == 1
    expected = list(staircase_track().payloads)
    del expected[STAIR_LEAD + STAIR_LOST]
    assert network.payloads[PROBE_EVERY // 2 :] == expected
    network.tick(1)
    assert network.payloads[-1] == bytes((PROBE_EVERY // 2,))


async def test_a_caller_keeps_its_own_pace() -> None:
    loop = asyncio.get_running_loop()
    network = Network()
    started = loop.time()
    await pace(network.sender.tick, 5)
    assert loop.time() - started >= 5 * PACKET_SECONDS
    assert len(network.packets) == 5
    arrived = asyncio.Event()
    later(loop.time() + 0.01, arrived.set)
    async with asyncio.timeout(5):
        await arrived.wait()
