"""A route is data: what it leaves out."""

from signaling.sip.route import Route
from tests.signaling.sip.phone import Wire


def test_a_route_to_a_phone_needs_an_address_and_a_way() -> None:
    wire = Wire()
    route = Route("sip:alice@192.0.2.7", wire)
    assert (route.sender, route.credentials, route.trusted, route.routes) == (None, None, False, ())
