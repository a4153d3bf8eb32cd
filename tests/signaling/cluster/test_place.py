"""Ids that say where a call is."""

from __future__ import annotations

import pytest

from signaling.cluster.place import Place

HERE, THERE = Place("0123456789ab"), Place("ba9876543210")


def test_an_id_says_which_gateway_it_is_of() -> None:
    for prefix in ("sess_", "rtc_"):
        call_id = f"{prefix}{THERE.mark}00ff"
        assert HERE.elsewhere(call_id) == THERE.name
        assert THERE.elsewhere(call_id) is None, "it is its own"


@pytest.mark.parametrize(
    "call_id",
    [
        "",
        "sess_00ff",
        "rtc_g12_00ff",
        "g0123456789cd_",
        "rtc_gXYZXYZXYZXYZ_1",
        "rtc_\udc80",
        "_" * 99,
    ],
)
def test_other_ids_are_of_no_other_gateway(call_id: str) -> None:
    assert HERE.elsewhere(call_id) is None


def test_every_gateway_has_a_name_of_its_own() -> None:
    assert Place().name != Place().name
    assert len(Place().name) == 12
