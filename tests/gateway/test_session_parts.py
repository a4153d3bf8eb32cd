from tests.gateway.protocol_client import ProtocolClient
from tests.gateways import live_sessions
from tests.stand_in import StandIn


async def test_a_session_is_described_as_the_gateways_own() -> None:
    async with StandIn() as model, live_sessions(model.url, duration=600) as sessions:
        session = sessions.open("ann", ends_with_leg=True)
        client = ProtocolClient(session)
        shown = (await client.wait("session.created"))["session"]
        assert shown["id"] == session.id
        assert shown["object"] == "realtime.session"
        assert shown["expires_at"] > 1_700_000_600
