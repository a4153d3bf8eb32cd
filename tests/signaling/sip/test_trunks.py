"""Trunks on real sockets: another gateway is the provider."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.config import SettingsError
from gateway.sip_settings import parse_addresses, parse_users
from gateway.trunk_settings import SipTrunk
from signaling.app import Gateway
from signaling.sip.call import Call
from signaling.sip.dialling import CallState
from signaling.sip.door import SipDoor
from signaling.sip.failure import Failure
from signaling.sip.placed_call import PlacedCall
from signaling.sip.route import Route
from tests.certificates import self_signed
from tests.gateways import running_gateway
from tests.signaling.callers import PATIENCE, until
from tests.signaling.sip.phone import OFFER
from tests.stand_in import StandIn

SECRET = "line:a secret"


class Caller:
    """Places one call, and waits for what comes of it."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Call | Failure] = asyncio.get_running_loop().create_future()

    def on_progress(self, placed: PlacedCall, sdp: str) -> None: ...

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        self.outcome.set_result(call)

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        self.outcome.set_result(failure)

    async def call(self, door: SipDoor, route: Route) -> Call | Failure:
        door._agent.place(route, OFFER, self, asyncio.get_running_loop().time())
        door._settle()
        async with asyncio.timeout(PATIENCE):
            return await self.outcome


def trunk(port: int, transport: str, **more: object) -> SipTrunk:
    return SipTrunk.model_validate(
        {"name": "acme", "uri": f"sip:127.0.0.1:{port};transport={transport}", **more}
    )


def door_of(gateway: Gateway) -> SipDoor:
    assert gateway.sip is not None
    return gateway.sip


@contextlib.asynccontextmanager
async def provider(
    model: StandIn, transport: str, folder: Path
) -> AsyncIterator[tuple[Gateway, Path]]:
    certificate, key = self_signed(folder)
    async with running_gateway(
        model.url,
        sip_listen=parse_addresses(f"{transport}:127.0.0.1:0"),
        sip_users=parse_users(SECRET),
        sip_tls_cert=certificate,
        sip_tls_key=key,
    ) as gateway:
        yield gateway, certificate


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_it_registers_is_called_calls_and_leaves(
    model: StandIn, tmp_path: Path, transport: str
) -> None:
    async with provider(model, transport, tmp_path) as (far, certificate):
        theirs = door_of(far)
        port = theirs.addresses[0].port
        set_up = trunk(
            port,
            transport,
            user="line",
            password="a secret",
            register=True,
            agentSet="haiku",
            **({"ca": certificate} if transport == "tls" else {}),
        )
        async with running_gateway(
            model.url, sip_listen=parse_addresses("udp:127.0.0.1:0"), sip_trunks=(set_up,)
        ) as near:
            ours = door_of(near)
            await until(lambda: ours.trunks.states == {"acme": "registered"})
            (binding,) = theirs._agent.registrar.of("line")
            async with aiohttp.ClientSession() as http, http.get(f"{near.url}/health") as health:
                assert (await health.json())["trunks"] == {"acme": "registered"}

            # A number is no agent set, and a trunk has no password of ours.
            uri = binding.contact.replace("line@", "+493012345@")
            call = await Caller().call(theirs, Route(uri, binding.flow))
            assert isinstance(call, Call)
            assert near.sessions is not None
            (session,) = near.sessions._live.values()
            assert session.agent_set == "haiku"
            assert "called: +493012345" in session.settings.context
            theirs.hang_up(call)
            await until(lambda: not near.sessions)

            called = await ours.dial("sip:agent@anywhere.example", sender="+4930")
            await until(lambda: called.state is CallState.ESTABLISHED)
            assert far.sessions is not None
            assert "caller: +4930" in next(iter(far.sessions._live.values())).settings.context
            called.hang_up()
            await until(lambda: not far.sessions)
            unknown = await ours.dial("+49 30 1234")
            await until(lambda: unknown.state is CallState.ENDED)
            assert unknown.failure is not None
            assert unknown.failure.code == 404
        assert theirs._agent.registrar.of("line") == []


async def test_a_stranger_is_turned_away_where_there_are_trunks(
    model: StandIn, tmp_path: Path
) -> None:
    async with (
        provider(model, "udp", tmp_path) as (far, _),
        running_gateway(
            model.url,
            sip_listen=parse_addresses("udp:127.0.0.1:0"),
            sip_trunks=(trunk(9, "tcp", qualify=0, addresses=["192.0.2.0/24"]),),
        ) as near,
        running_gateway(
            model.url,
            sip_listen=parse_addresses("udp:127.0.0.1:0"),
            sip_trunks=(trunk(9, "tcp", qualify=0, addresses=["127.0.0.0/8"]),),
        ) as known,
    ):
        for gateway, code in ((near, 403), (known, None)):
            port = door_of(gateway).addresses[0].port
            flow = door_of(far)._listeners.datagrams_to("127.0.0.1", port)
            assert flow is not None
            outcome = await Caller().call(door_of(far), Route(f"sip:5@127.0.0.1:{port}", flow))
            if code is None:
                assert isinstance(outcome, Call), "an address of the list needs no password"
                door_of(far).hang_up(outcome)
            else:
                assert isinstance(outcome, Failure)
                assert outcome.code == code


async def test_one_that_is_away_is_known_to_be_and_another_takes_the_calls(model: StandIn) -> None:
    away = trunk(9, "tcp")
    there = away.model_copy(update={"name": "other", "qualify": 0})
    async with running_gateway(model.url, sip_trunks=(away, there)) as gateway:
        trunks = door_of(gateway).trunks
        await until(lambda: trunks.states["acme"] == "down")
        chosen = trunks.for_target("+4930")
        assert chosen is not None
        assert chosen.settings.name == "other"
        assert trunks.for_target("what?") is None


async def test_a_ca_that_cannot_be_read_stops_the_start(model: StandIn, tmp_path: Path) -> None:
    bad = trunk(9, "tls", ca=tmp_path / "none.pem")
    with pytest.raises(SettingsError, match="SIP_TRUNKS: the ca of acme"):
        async with running_gateway(model.url, sip_trunks=(bad,)):
            pass
