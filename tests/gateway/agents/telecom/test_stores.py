import pytest

from gateway.agents.telecom.stores import STORES, Store, nearest, place_of


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_a_store_is_nearest_to_itself(store: Store) -> None:
    found = nearest(store.zip_code)
    assert found is not None
    assert found[0] is store
    assert found[1] < 2


@pytest.mark.parametrize(
    ("zip_code", "name", "miles"),
    [("97201", "Pine Street", 145), ("90001", "Mission", 347), ("02108", "Bryant Park", 187)],
)
def test_distances_are_those_of_the_map(zip_code: str, name: str, miles: int) -> None:
    found = nearest(zip_code)
    assert found is not None
    assert found[0].name == name
    assert found[1] == pytest.approx(miles, rel=0.03)


def test_a_zip_code_that_nobody_knows() -> None:
    assert nearest("00001") is None
    assert place_of("") is None
