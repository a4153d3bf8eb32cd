"""How schemathesis makes the bodies that JSON Schema cannot describe."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from tests.gateway.core.offers import WEBRTC, load, spoiled

GOOD = load("chromium").encode()


def _encoded(name: str, seed: int, edits: int) -> bytes:
    return spoiled(load(name), seed, edits).encode(errors="surrogatepass")


SDPS = st.binary(max_size=200) | st.builds(
    _encoded, st.sampled_from(WEBRTC), st.integers(0, 10**6), st.integers(0, 4)
)

schemathesis.openapi.media_type("application/sdp", SDPS)
schemathesis.openapi.media_type("application/trickle-ice-sdpfrag", SDPS)
