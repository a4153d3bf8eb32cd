"""The messages of RFC 4475 and RFC 5118: what becomes of each, and that nothing is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.signaling.sip.phone import Phone, header, kind
from tests.signaling.sip.test_door import LISTEN, NOBODY, Socket, socket
from tests.signaling.sip.test_user_agent import ANSWER, Desk

FOLDER = Path(__file__).parent / "torture"

CALL = "100"
"""Begins a call."""

TAKEN, NOTHING = "200", ""

RFC4475 = {
    # 3.1.1 Valid.
    "wsinv": "481",  # Within a dialog that we do not know.
    "intmeth": "405",
    "esc01": CALL,
    "escnull": TAKEN,
    "esc02": "405",
    "lwsdisp": TAKEN,
    "longreq": CALL,
    "dblreq": TAKEN,
    "semiuri": TAKEN,
    "transports": TAKEN,
    "mpart01": "405",
    "unreason": NOTHING,
    "noreason": NOTHING,
    # 3.1.2 Invalid.
    "badinv01": "400",
    "clerr": "400",
    "ncl": "400",
    "scalar02": "400",
    "scalarlg": NOTHING,
    "quotbal": "400",
    "ltgtruri": "400",
    "lwsruri": "400",
    "lwsstart": "400",
    "trws": "400",
    "escruri": "400",
    "baddate": CALL,  # Its time of day is nothing to us.
    "regbadct": "400",
    "badaspec": "400",
    "baddn": "400",
    "badvers": "505",
    "mismatch01": "400",
    "mismatch02": "400",
    "bigcode": NOTHING,
    # 3.2 Transactions.
    "badbranch": TAKEN,
    # 3.3 Applications.
    "insuf": "400",
    "unkscm": "416",
    "novelsc": "416",
    "unksm2": "400",
    "bext01": "420",
    "invut": "415",
    "regaut01": TAKEN,  # There are no accounts.
    "multi01": "400",
    "mcl01": "400",
    "bcast": NOTHING,
    "zeromf": TAKEN,
    "cparam01": TAKEN,
    "cparam02": TAKEN,
    "regescrt": "400",  # A route that we would not take.
    "sdp01": "406",
    # 3.4 RFC 2543.
    "inv2543": "400",  # Without a Contact there is nobody to hang up on.
}

RFC5118 = {
    "ipv6-good": TAKEN,
    "ipv6-bad": "400",
    "port-ambiguous": TAKEN,
    "port-unambiguous": TAKEN,
    "via-received-param-with-delim": "481",
    "via-received-param-no-delim": TAKEN,
    "ipv6-in-sdp": CALL,
    "mult-ip-in-header": "481",
    "mult-ip-in-sdp": CALL,
    "ipv4-mapped-ipv6": CALL,
    "ipv6-bug-abnf-3-colons": TAKEN,
    "ipv6-correct-abnf-2-colons": TAKEN,
}

MESSAGES = {f"rfc4475/{name}": code for name, code in RFC4475.items()}
MESSAGES |= {f"rfc5118/{name}": code for name, code in RFC5118.items()}


def read(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def test_all_of_them_are_here() -> None:
    assert {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.dat")} == set(
        MESSAGES
    )
    assert (len(RFC4475), len(RFC5118)) == (49, 12)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_becomes_of_it(name: str) -> None:
    desk, data = Desk(), read(name)
    desk.wire.remote = ("127.0.0.1", 5060)
    code = MESSAGES[name]
    assert desk.hear(data) == ([code] if code else [])
    assert bool(desk.offers) == (code == CALL)
    if code == TAKEN:
        assert desk.hear(data) == [code], "a copy is answered from what was answered"
    for call, _ in desk.offers:
        call.accept(ANSWER, desk.now)
    desk.pass_to(desk.now + 3_700.0)
    desk.forgets_all()
    assert len(desk.ended) == len(desk.offers)
    assert desk.hear(Phone().invite()) == ["100"]


async def answers(wire: Socket, data: bytes, *, calls: bool) -> list[str]:
    """The codes that a message is answered with."""
    wire.send(data)
    if calls:
        refused = kind(await wire.final())
        wire.send(data.replace(b" INVITE\r\n", b" ACK\r\n").replace(b"INVITE", b"ACK", 1))
        return [refused]
    # Some branches come twice: what the first got answers the other.
    fence, got = Phone(), []
    wire.send(fence.request("OPTIONS"))
    while header(message := await wire.final(), "Call-ID") != fence.call_id:
        got.append(kind(message))
    return got


async def test_a_door_takes_all_of_them_and_the_next_call() -> None:
    """Over UDP, with all that is behind the door. No agent of ours is called as theirs are."""
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        with structlog.testing.capture_logs() as logs:
            for name, code in MESSAGES.items():
                got = await answers(wire, read(name), calls=code == CALL)
                assert len(got) == bool(code), name
                assert code != CALL or got == ["404"], name
            for name in (name for name, code in MESSAGES.items() if code == CALL):
                phone, offer = Phone(), read(name).partition(b"\r\n\r\n")[2].decode()
                wire.send(phone.invite(offer))
                answer = phone.hear(await wire.final())
                wire.send(phone.ack())
                if "RTP/AVP 0" in offer:
                    assert kind(answer) == "200", name
                    await wire.leave(phone)
                else:
                    assert kind(answer) == "488", "G.726 alone"
            await until(lambda: not gateway.sessions)
        assert [entry for entry in logs if entry["log_level"] in ("error", "critical")] == []
