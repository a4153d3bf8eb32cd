"""The caller's SDP: an offer of one Opus stream, as browsers write it, and what an answer says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aioice import Candidate
from aiortc import RTCDtlsFingerprint

from client.python.bench.errors import BenchError

PAYLOAD_TYPE = 111
LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_LEVEL_ID = 1
_OPUS = re.compile(r"(\d+) opus/48000", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What the offer announces. `fingerprint`: of the certificate, by SHA-256."""

    user_fragment: str
    password: str
    candidate: Candidate
    fingerprint: str
    ssrc: int

    def offer(self) -> str:
        """The SDP, complete: its candidates are in it."""
        lines = [
            "v=0",
            f"o=- {self.ssrc} 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0",
            "a=extmap-allow-mixed",
            "a=msid-semantic: WMS bench",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            f"a=ice-ufrag:{self.user_fragment}",
            f"a=ice-pwd:{self.password}",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            "a=setup:actpass",
            "a=mid:0",
            f"a=extmap:{_LEVEL_ID} {LEVEL_URI}",
            "a=sendrecv",
            "a=msid:bench voice",
            "a=rtcp-mux",
            f"a=rtpmap:{PAYLOAD_TYPE} opus/48000/2",
            f"a=fmtp:{PAYLOAD_TYPE} minptime=10;useinbandfec=1",
            f"a=ssrc:{self.ssrc} cname:bench",
            f"a=candidate:{self.candidate.to_sdp()}",
            "a=end-of-candidates",
        ]
        return "\r\n".join([*lines, ""])


@dataclass(slots=True)
class RemoteMedia:
    """What an answer says. `wants_fec`: its fmtp asks for in-band FEC. `dtls_role`: of the caller
    (RFC 8842). `candidates`: those on loopback; nothing is sent anywhere else."""

    user_fragment: str = ""
    password: str = ""
    payload_type: int = PAYLOAD_TYPE
    dtls_role: str = "client"
    wants_fec: bool = False
    level_id: int | None = None
    fingerprints: list[RTCDtlsFingerprint] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)


def parse_answer(sdp: str) -> RemoteMedia:
    """Raises `BenchError` if no call can be made of the answer."""
    remote = RemoteMedia()
    formats: dict[int, str] = {}
    opus: int | None = None
    for line in sdp.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if name == "ice-ufrag":
            remote.user_fragment = value
        elif name == "ice-pwd":
            remote.password = value
        elif name == "fingerprint":
            algorithm, _, digest = value.partition(" ")
            remote.fingerprints.append(RTCDtlsFingerprint(algorithm, digest))
        elif name == "setup":
            # The answerer's role; ours is the other one.
            remote.dtls_role = "server" if value == "active" else "client"
        elif name == "rtpmap" and opus is None and (found := _OPUS.match(value)):
            opus = int(found[1])
        elif name == "fmtp":
            number, _, parameters = value.partition(" ")
            formats[int(number)] = parameters
        elif name == "extmap" and value.endswith(LEVEL_URI):
            remote.level_id = int(re.match(r"\d+", value)[0])  # type: ignore[index]
        elif name == "candidate":
            _add_candidate(remote, value)
    if opus is None or not remote.user_fragment or not remote.fingerprints:
        raise BenchError("the answer accepts no Opus audio over ICE and DTLS")
    if not remote.candidates:
        raise BenchError(
            "the answer has no candidate on 127.0.0.1, and nothing is sent elsewhere: "
            "start the gateway with PUBLIC_ADDRESS=127.0.0.1"
        )
    remote.payload_type = opus
    remote.wants_fec = "useinbandfec=1" in formats.get(opus, "").replace(" ", "").split(";")
    return remote


def _add_candidate(remote: RemoteMedia, value: str) -> None:
    try:
        candidate = Candidate.from_sdp(value)
    except ValueError:
        return
    if candidate.host.startswith("127.") and candidate.transport.lower() == "udp":
        remote.candidates.append(candidate)
