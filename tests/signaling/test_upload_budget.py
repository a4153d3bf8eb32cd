"""What files may cost: virtual time, and one client over real Socket.IO."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling.app import Gateway
from signaling.buckets import Buckets
from signaling.upload_budget import UploadBudget
from tests.recordings import recording
from tests.signaling.callers import Caller

ANN, BOB = "192.0.2.1", "192.0.2.2"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(budget: UploadBudget) -> bool:
    try:
        budget.check()
    except GatewayError as error:
        return error.code is ErrorCode.RATE_LIMITED
    return False


def test_who_spent_more_than_there_was_waits_until_it_is_there_again() -> None:
    clock, work = Clock(), Buckets(0.25, 2.0)
    budget = UploadBudget(work, ANN, ANN, clock)
    budget.spend(1.9)
    assert not refused(budget)
    budget.spend(0.85)
    assert refused(budget)
    clock.now = 2.9
    assert refused(budget)
    clock.now = 3.1
    assert not refused(budget)
    assert work.refused == 2


def test_what_an_address_spends_is_its_own() -> None:
    clock, work = Clock(), Buckets(0.0, 1.0)
    UploadBudget(work, ANN, ANN, clock).spend(2.0)
    assert refused(UploadBudget(work, ANN, "somebody else there", clock))
    assert not refused(UploadBudget(work, BOB, BOB, clock))


@pytest.mark.parametrize("name", ["ann", "https://issuer.example ann", "::1", BOB])
def test_a_user_takes_its_spending_to_every_address(name: str) -> None:
    clock, work = Clock(), Buckets(0.0, 1.0)
    UploadBudget(work, ANN, name, clock).spend(2.0)
    assert refused(UploadBudget(work, "192.0.2.3", name, clock))
    assert not refused(UploadBudget(work, BOB, "another", clock))


async def test_files_are_paid_for_and_raw_audio_is_not(gateway: Gateway) -> None:
    assert gateway._door is not None
    gateway._door._uploads = Buckets(0.0, 0.000_001)
    file = recording("wav", "mono")
    async with Caller(gateway.url) as caller:
        await caller.join()
        assert (await caller.ask("send_audio", file, "wav"))["ok"], "the first one overdraws it"
        again = await caller.ask("send_audio", file, "wav")
        assert again["error"]["code"] == "rate_limited"
        assert (await caller.ask("send_audio", bytes(960), "pcm16"))["ok"]
        gateway._door._uploads = Buckets(1_000.0, 1.0)
        assert (await caller.ask("send_audio", file, "wav"))["ok"]


async def test_a_file_that_cannot_be_read_is_paid_for_too(gateway: Gateway) -> None:
    assert gateway._door is not None
    gateway._door._uploads = Buckets(0.0, 0.000_001)
    broken = recording("wav", "mono")[:40] + b"\xff" * 100
    async with Caller(gateway.url) as caller, asyncio.timeout(10):
        await caller.join()
        while (answer := await caller.ask("send_audio", b"fLaC" + broken, "flac")) and (
            answer["error"]["code"] != "rate_limited"
        ):
            assert answer["error"]["code"] == "unsupported_format"
