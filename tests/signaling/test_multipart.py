"""``multipart/form-data`` at the door of calls."""

from __future__ import annotations

import aiohttp
import pytest

from signaling.app import Gateway
from signaling.calls import MAX_SESSION

BOUNDARY = 'multipart/form-data; boundary="x"'


async def post(gateway: Gateway, body: bytes, kind: str = BOUNDARY) -> tuple[int, str]:
    url = f"{gateway.url}/v1/realtime/calls"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=body, headers={"Content-Type": kind}) as answer,
    ):
        return answer.status, (await answer.json())["error"]["code"]


def parts(**bodies: str) -> bytes:
    lines = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{body}\r\n'
        for name, body in bodies.items()
    ]
    return ("".join(lines) + "--x--\r\n").encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"nonsense", 400, "bad_request"),
        (b"--x\r\n" + b"A: b\r\n" * 200 + b"\r\n--x--\r\n", 400, "bad_request"),
        (b"--x\r\nContent-Disposition: form-data\r\n" * 2 + b"\r\n--x--\r\n", 400, "bad_request"),
        (parts(session="{}"), 400, "bad_request"),
        (parts(sdp="v=0", other="x"), 400, "bad_request"),
        (parts(sdp="v=0", session="{"), 400, "bad_request"),
        (parts(sdp="v=0", session="[]"), 400, "bad_request"),
        (parts(sdp="v=0"), 400, "negotiation_failed"),
        (parts(sdp="v=0", session='{"audio": 1}'), 400, "bad_request"),
        (parts(sdp="v=0", session="x" * (MAX_SESSION + 1)), 413, "too_large"),
        (parts(sdp="v=0") + parts(sdp="v=0"), 400, "negotiation_failed"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused(
    gateway: Gateway, body: bytes, status: int, code: str
) -> None:
    assert await post(gateway, body) == (status, code)
    assert len(gateway.sessions or ()) == 0


async def test_a_boundary_is_needed(gateway: Gateway) -> None:
    assert await post(gateway, b"x", "multipart/form-data") == (400, "bad_request")
