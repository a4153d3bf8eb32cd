"""A plain RTP leg and phones on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.core.audio_agreement import AudioAgreement
from gateway.core.description import Codec, MediaSection
from gateway.core.rtcp import RtcpSession
from gateway.core.rtp import RtpPacket
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media import rtp_leg
from gateway.media.keys import KeysNotTaken
from gateway.media.leg import LegState
from gateway.media.sdes_srtp import make_keys
from tests.gateway.media.peers import LOOPBACK
from tests.gateway.media.phones import GatewayPhoneEnd, Phone, Wire

LOUD = 500


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayPhoneEnd]:
    end = GatewayPhoneEnd()
    yield end
    await end.leg.close()
    assert end.session.states[-1] is LegState.CLOSED


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Phone]:
    peer = await Phone.ring()
    yield peer
    await peer.close()


async def call(gateway: GatewayPhoneEnd, phone: Phone) -> MediaSection:
    section = phone.accept(await gateway.leg.answer(phone.offer()))
    await phone.say(0.1)
    await gateway.session.until_state(LegState.CONNECTED)
    return section


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus"])
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "sdes"])
async def test_both_hear_each_other(codec: str, secure: bool) -> None:
    gateway = GatewayPhoneEnd()
    phone = await Phone.ring(codec, make_keys()[1] if secure else None)
    try:
        section = await call(gateway, phone)
        assert section.codecs[0].is_named(codec)
        assert section.port % 2 == 0
        assert section.protocol == ("RTP/SAVP" if secure else "RTP/AVP")
        said = asyncio.create_task(phone.say(0.6))
        gateway.say(0.4)
        await gateway.session.until_loud(0.3)
        await said
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        await phone.rtp.until_that(lambda: len(phone.heard) > 0.4 * 48_000)
        assert gateway.leg.stats().concealed_percent == 0
        assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]
    finally:
        await gateway.leg.close()
        await phone.close()


async def test_the_agent_begins_when_the_phone_is_there(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    gateway.say()
    phone.accept(await gateway.leg.answer(phone.offer()))
    assert gateway.leg.state is LegState.CONNECTING
    await phone.say(0.04)
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    assert phone.rtp.rtp[0].marker
    assert phone.rtp.datagrams[0][1] == phone.target


async def test_keys_of_the_phone_are_heard(gateway: GatewayPhoneEnd, phone: Phone) -> None:
    await call(gateway, phone)
    event = RtpPacket(101, True, 7, 4_000, 99, bytes([5, 10, 0, 160])).serialize()
    phone.rtp.transport.sendto(event, phone.target)
    await gateway.session.until(lambda: gateway.session.keys == ["5"])


@pytest.mark.parametrize(
    ("held", "answered"),
    [
        ({"direction": "sendonly"}, "recvonly"),
        ({"direction": "inactive"}, "inactive"),
        ({"address": "0.0.0.0"}, "recvonly"),
    ],
)
async def test_hold_and_resume(
    gateway: GatewayPhoneEnd, phone: Phone, held: dict[str, str], answered: str
) -> None:
    await call(gateway, phone)
    gateway.say(1.0)
    await phone.rtp.until(10)
    section = phone.accept(await gateway.leg.answer(phone.offer(**held)))
    assert section.direction == answered
    assert gateway.leg.held
    phone.rtp.datagrams.clear()
    gateway.session.pcm.clear()
    await phone.say(0.3)  # Music on hold is no caller's voice.
    assert not phone.rtp.rtp
    assert not gateway.session.pcm
    assert not gateway.session.played

    section = phone.accept(await gateway.leg.answer(phone.offer()))
    assert section.direction == "sendrecv"
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    assert phone.rtp.rtp[0].marker, "a new talkspurt"
    assert len(phone.rtp.rtp) < 50, "and no more than was owed"
    assert LegState.DISCONNECTED not in gateway.session.states


async def test_another_codec_in_mid_call(gateway: GatewayPhoneEnd, phone: Phone) -> None:
    await call(gateway, phone)
    section = phone.accept(await gateway.leg.answer(phone.offer(codec="g722")))
    assert section.codecs[0].is_named("g722")
    phone.rtp.datagrams.clear()
    said = asyncio.create_task(phone.say(0.5))
    gateway.say()
    await gateway.session.until_loud(0.2)
    await said
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    assert {packet.payload_type for packet in phone.rtp.rtp} == {9}


async def test_versions_tell_what_is_new(gateway: GatewayPhoneEnd, phone: Phone) -> None:
    def version(text: str) -> tuple[int, int]:
        read = parse_sdp(text)
        return read.session_id, read.version

    session, first = version(await gateway.leg.answer(phone.offer()))
    assert version(await gateway.leg.answer(phone.offer())) == (session, first)
    assert version(await gateway.leg.answer(phone.offer("inactive"))) == (session, first + 1)


@pytest.mark.parametrize("secure", [False, True])
async def test_an_offer_of_ours(gateway: GatewayPhoneEnd, phone: Phone, secure: bool) -> None:
    offer = parse_sdp(text := await gateway.leg.offer(secure=secure))
    assert gateway.leg.state is LegState.NEW
    phone.key = make_keys()[0] if secure else None
    phone.accept(text)
    phone.stream.agree(
        AudioAgreement(None, Codec("PCMU", 0, 8_000), 0, True, True, telephone_event=101)
    )
    await gateway.leg.accept_answer(phone.offer())
    said = asyncio.create_task(phone.say(0.4))
    await gateway.session.until_loud(0.2)
    await said
    gateway.say()
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    await phone.rtp.until_that(lambda: len(phone.heard) > 0.25 * 48_000)

    refresh = parse_sdp(await gateway.leg.offer())
    assert refresh.media[0].port == offer.media[0].port
    assert [codec.name for codec in refresh.media[0].codecs] == ["PCMU", "telephone-event"]
    with pytest.raises(SdpError):
        await gateway.leg.accept_answer(phone.offer(port=0))
    assert not gateway.leg.held


async def test_an_answer_of_ours_may_be_offered_anew(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    """Word for word, as a session timer wants it (RFC 4028 §7.4)."""
    with pytest.raises(SdpError, match="no offer"):
        await gateway.leg.accept_answer(phone.offer())
    await call(gateway, phone)
    await gateway.leg.accept_answer(phone.offer("recvonly"))
    assert not gateway.leg.held
    await gateway.leg.accept_answer(phone.offer("sendonly"))
    assert gateway.leg.held


async def test_a_third_party_is_neither_heard_nor_sent_to(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    section = await call(gateway, phone)
    stranger = await Wire.open("127.0.0.2")
    try:
        gateway.say(0.5)
        gateway.session.pcm.clear()
        for sequence in range(200):
            packet = RtpPacket(0, False, sequence, 160 * sequence, 1, b"\x10" * 160).serialize()
            stranger.transport.sendto(packet, (LOOPBACK, section.port))
            stranger.transport.sendto(
                RtcpSession(1, "x", 8_000, wall_clock_offset=0).bye(),
                (
                    LOOPBACK,
                    section.port + 1,
                ),
            )
            await asyncio.sleep(0.002)
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        assert gateway.session.loudness(0.3) < LOUD
        assert not stranger.datagrams
    finally:
        await stranger.close()


async def test_the_address_in_an_offer_is_no_target_for_others_words(phone: Phone) -> None:
    """An offer that names a victim gets it a few silent packets, and no more."""
    gateway = GatewayPhoneEnd(peer=LOOPBACK)
    victim = await Wire.open("127.0.0.2")
    try:
        gateway.say(1.0)
        await gateway.leg.answer(phone.offer(address="127.0.0.2", port=victim.port))
        await asyncio.sleep(1.3)
        assert gateway.leg.state is LegState.CONNECTING
        assert len(victim.datagrams) == 2
        assert not gateway.session.played
    finally:
        await gateway.leg.close()
        await victim.close()


@pytest.mark.parametrize(
    ("peer", "trusted"), [(LOOPBACK, False), ("127.0.0.9", True)], ids=["its own", "trusted"]
)
async def test_who_only_listens_is_spoken_to_where_it_says(
    phone: Phone, peer: str, trusted: bool
) -> None:
    gateway = GatewayPhoneEnd(peer=peer, trusted=trusted)
    try:
        gateway.say()
        await gateway.leg.answer(phone.offer("recvonly"))
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        assert phone.rtp.rtp
    finally:
        await gateway.leg.close()


async def test_media_before_the_answer_and_nonsense_do_no_harm(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    section = parse_sdp(await gateway.leg.offer()).media[0]
    target = (LOOPBACK, section.port)
    nonsense = [b"", b"\x80", b"\x80\xc8", bytes(12), b"\x80\x00" + bytes(10), b"\xff" * 2000]
    for datagram in nonsense:
        phone.rtp.transport.sendto(datagram, target)
        phone.rtcp.transport.sendto(datagram, (LOOPBACK, section.port + 1))
    await gateway.leg.accept_answer(phone.offer())
    for datagram in nonsense:
        phone.rtp.transport.sendto(datagram, target)
        phone.rtcp.transport.sendto(datagram, (LOOPBACK, section.port + 1))
    await call(gateway, phone)


async def test_a_phone_that_falls_silent(
    gateway: GatewayPhoneEnd, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtp_leg, "LISTENING_TURN", 0.03)
    await call(gateway, phone)
    started = asyncio.get_running_loop().time()
    await gateway.session.until_state(LegState.DISCONNECTED)
    assert 0.25 < asyncio.get_running_loop().time() - started < 1.0, "12 turns"
    gateway.say(0.5)
    phone.rtp.datagrams.clear()
    await asyncio.sleep(0.1)
    assert not phone.rtp.rtp, "the answer waits"
    await phone.say(0.06)
    assert gateway.leg.state is LegState.CONNECTED
    await gateway.session.until_state(LegState.FAILED)
    assert gateway.session.states[-2:] == [LegState.DISCONNECTED, LegState.FAILED]


async def test_silence_on_hold_is_no_loss(
    gateway: GatewayPhoneEnd, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtp_leg, "LISTENING_TURN", 0.01)
    await call(gateway, phone)
    phone.accept(await gateway.leg.answer(phone.offer("sendonly")))
    await asyncio.sleep(0.7)  # Seventy turns.
    assert gateway.leg.state is LegState.CONNECTED
    phone.accept(await gateway.leg.answer(phone.offer()))
    await gateway.session.until_state(LegState.FAILED)


async def test_a_leg_that_has_ended_answers_nothing(phone: Phone) -> None:
    gateway = GatewayPhoneEnd()
    await call(gateway, phone)
    await gateway.leg.close()
    await gateway.leg.close()
    assert phone.rtcp.datagrams, "it said goodbye"
    for asked in (gateway.leg.answer(phone.offer()), gateway.leg.offer()):
        with pytest.raises(SdpError, match="ended"):
            await asked


async def test_an_offer_that_cannot_be_answered_leaves_the_call_as_it_is(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    await call(gateway, phone)
    for bad in ("", phone.offer().replace("RTP/AVP", "RTP/SAVP"), phone.offer(port=0)):
        with pytest.raises(SdpError):
            await gateway.leg.answer(bad)
    gateway.say()
    await gateway.session.until(lambda: gateway.session.played == ["item"])


async def test_keys_are_pressed_between_the_agents_words(
    gateway: GatewayPhoneEnd, phone: Phone
) -> None:
    await call(gateway, phone)
    gateway.say(0.6)
    await phone.rtp.until(10)
    await gateway.leg.send_dtmf("42#")
    assert phone.keys == ["4", "2", "#"]
    assert not gateway.session.played
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    types = [packet.payload_type for packet in phone.rtp.rtp]
    assert types.count(101) == 30
    first = types.index(101)
    assert set(types[first : first + 30]) == {101}, "the agent waits"

    phone.accept(await gateway.leg.answer(phone.offer("sendonly")))
    with pytest.raises(KeysNotTaken):
        await gateway.leg.send_dtmf("1")
