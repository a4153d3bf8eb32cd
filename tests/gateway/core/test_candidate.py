import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.candidate import IceCandidate
from gateway.core.sdp import SdpError

HOST = "candidate:842163049 1 udp 2122260223 192.0.2.1 50000 typ host"


def test_parses_every_field() -> None:
    candidate = IceCandidate.parse(
        "a=candidate:a/b+1 2 TCP 1518280447 2001:DB8::1 9 typ SRFLX "
        "raddr 10.0.0.1 rport 4000 tcptype active generation 0 ufrag Ab+/ network-cost 999"
    )
    assert candidate == IceCandidate(
        foundation="a/b+1",
        component=2,
        transport="tcp",
        priority=1518280447,
        address="2001:DB8::1",
        port=9,
        type="srflx",
        related_address="10.0.0.1",
        related_port=4000,
        tcp_type="active",
        ufrag="Ab+/",
    )


@pytest.mark.parametrize("text", [HOST, f"a={HOST}", HOST[10:], f"  {HOST} \r\n", f"A={HOST}"])
def test_prefix_is_optional(text: str) -> None:
    assert IceCandidate.parse(text).format() == HOST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "candidate:",
        "a=candidate:",
        "candidate:1 1 udp 1 192.0.2.1 5000 host",
        "candidate:1 1 udp 1 192.0.2.1 5000 type host",
        "candidate:1 one udp 1 192.0.2.1 5000 typ host",
        "candidate:1 257 udp 1 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 5000 typ host",
        "candidate:1 1 udp -1 192.0.2.1 5000 typ host",
        "candidate:1 1 udp ² 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 fe80::1%eth0 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 5000 typ host raddr 10.0.0.1%x rport 1",
        "candidate:1 1 udp 1 192.0.2.1 5000 typ host raddr 10.0.0.1 rport x",
        "candidate:\u00e9 1 udp 1 192.0.2.1 5000 typ host",
        HOST + " x" * 1000,
    ],
)
def test_refuses_what_is_malformed(text: str) -> None:
    with pytest.raises(SdpError, match="candidate"):
        IceCandidate.parse(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("7883e4e9-a6f1-474c-8fcd-f5569d7ddd41.local", True),
        ("HOST.LOCAL.", True),
        ("192.0.2.1", False),
        ("local", False),
        ("a.local.example", False),
    ],
)
def test_mdns_addresses(address: str, expected: bool) -> None:
    text = f"candidate:1 1 udp 1 {address} 5000 typ host"
    assert IceCandidate.parse(text).is_mdns is expected


def test_dangling_extension_name_is_ignored() -> None:
    assert IceCandidate.parse(f"{HOST} generation").format() == HOST


_TOKENS = st.from_regex(r"\A[0-9a-z+]{1,32}\Z")
_ADDRESSES = st.ip_addresses().map(str) | st.just("0a1b.local")
_PORTS = st.integers(0, 65_535)
CANDIDATES = st.builds(
    IceCandidate,
    foundation=_TOKENS,
    component=st.integers(1, 256),
    transport=st.sampled_from(["udp", "tcp"]),
    priority=st.integers(0, 2**32 - 1),
    address=_ADDRESSES,
    port=_PORTS,
    type=st.sampled_from(["host", "srflx", "prflx", "relay"]),
    related_address=st.none() | _ADDRESSES,
    related_port=st.none() | _PORTS,
    tcp_type=st.none() | st.sampled_from(["active", "passive", "so"]),
    ufrag=st.none() | _TOKENS,
)


@settings(deadline=None)
@given(CANDIDATES)
def test_what_is_written_is_read_back(candidate: IceCandidate) -> None:
    assert IceCandidate.parse(candidate.format()) == candidate


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from([*HOST.split(), "raddr", "rport", "x"])).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        candidate = IceCandidate.parse(text)
    except SdpError:
        return
    assert IceCandidate.parse(candidate.format()) == candidate
