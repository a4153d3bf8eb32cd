"""Tokens of an OpenID Connect provider, ``OIDC_ISSUER``: JWTs signed with keys that it publishes
(OpenID Connect Discovery 1.0 §4, RFC 7517).

Keys are fetched once and kept. They are fetched again when they are old, or when a token names one
that is not among them, as after a rotation; not more often than every few seconds, whatever comes.
While the provider cannot be reached, those that are there count.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import structlog

from gateway.guard_settings import is_loopback
from signaling.caller import Caller
from signaling.tokens import CHECKS, caller_of

log = structlog.get_logger(__name__)

ALGORITHMS: Final = ("RS256", "ES256")

KEPT: Final = 3_600.0
"""Seconds after which keys are asked for again."""

BETWEEN: Final = 10.0
"""Seconds between two attempts."""

LEEWAY: Final = 30.0
"""Seconds by which the provider's clock may be wrong."""

TIMEOUT: Final = 5.0
MAX_DOCUMENT: Final = 1 << 20

_DISCOVERY: Final = "/.well-known/openid-configuration"


class OidcTokens:
    """Those of ``issuer``.

    :param audience: whom a token must be for; None: for anybody, which suits an issuer that is for
        this gateway alone.
    :param clock: seconds since 1970.
    """

    def __init__(
        self, issuer: str, audience: str | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._now = asyncio.get_running_loop().time
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> Caller | None:
        """Who shows it; None: it is not in force, or none of this issuer's."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):
            return None
        kid, algorithm = header.get("kid", ""), header.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            return None
        key = await self._key(kid)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key.key,
                [algorithm],
                {**CHECKS, "verify_aud": self._audience is not None},
                issuer=self._issuer,
                audience=self._audience,
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return caller_of(claims, self._clock(), LEEWAY, self._issuer)

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        is_old = self._now() - self._fetched > KEPT
        if is_old or self._known(kid) is None:
            fetching = self._fetch_soon()
            # Old keys count meanwhile.
            if fetching is not None and self._known(kid) is None:
                await asyncio.shield(fetching)
        return self._known(kid)

    def _known(self, kid: str) -> jwt.PyJWK | None:
        """The key of that id. A token may name none where there is but one (OpenID Connect Core
        §10.1).
        """
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        if self._fetching is None and self._now() - self._tried >= BETWEEN:
            self._tried = self._now()
            self._fetching = asyncio.create_task(self._fetch(), name="oidc-keys")
            self._fetching.add_done_callback(self._is_fetched)
        return self._fetching

    def _is_fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT)) as http:
                about = await _document(http, self._issuer.rstrip("/") + _DISCOVERY)
                if about.get("issuer") != self._issuer:
                    raise ValueError("it calls itself by another name")
                keys = await _document(http, str(about.get("jwks_uri")))
            found = jwt.PyJWKSet.from_dict(keys).keys
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            reason = str(error) or type(error).__name__
            log.warning("keys of OIDC_ISSUER not fetched", reason=reason[:200])
            return
        signing = [key for key in found if key.public_key_use in (None, "sig")]
        self._keys = {key.key_id or "": key for key in signing}
        self._fetched = self._now()
        log.info("keys of OIDC_ISSUER fetched", keys=len(self._keys))


async def _document(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """:raises ValueError: it is not to be trusted, or no JSON object."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_here:
        raise ValueError("its keys are not behind https")
    async with http.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}")
        text = await response.content.read(MAX_DOCUMENT + 1)
        while len(text) <= MAX_DOCUMENT and (more := await response.content.read(MAX_DOCUMENT)):
            text += more
    if len(text) > MAX_DOCUMENT:
        raise ValueError("a document is too long")
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("a document is no object")
    return body
