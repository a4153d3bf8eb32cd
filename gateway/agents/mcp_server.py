"""MCP servers (Model Context Protocol, streamable HTTP) as sources of tools.

Needs the extra ``mcp``: ``pip install talkpath[mcp]``. Imported by agent sets which use it, and so
when the gateway starts: the package takes most of a second.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import mcp
import structlog
from mcp.client.streamable_http import streamable_http_client

from gateway.agents.tool import DEFAULT_TIMEOUT, Tool, ToolContext, ToolFailure
from gateway.agents.tool_source import SourceUnavailable

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What OpenAI takes for the name of a function."""

MAX_TOOLS = 64
"""Of one server; a model would not choose well among more."""

_LOST = (
    *(mcp.MCPError, httpx2.HTTPError, OSError, anyio.ClosedResourceError),
    *(anyio.BrokenResourceError, ValueError, RuntimeError),
)
"""What a server that is away, goes away or breaks the protocol is noticed by."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server, as an agent's source of tools.

    :ivar url: of its streamable HTTP endpoint, ``http://`` or ``https://``.
    :ivar headers: sent with every request, such as ``Authorization``.
    :ivar only: names of the tools that the agent gets; empty: all of them.
    :ivar timeout: seconds for connecting, and for each call.
    :raises ValueError: ``url`` is none.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    only: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an MCP server's URL begins with http:// or https://")

    @property
    def name(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.netloc.rpartition('@')[2]}{parts.path}"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Tool, ...]]:
        """Its tools, as :meth:`ToolSource.open`."""
        try:
            async with (
                httpx2.AsyncClient(headers=dict(self.headers), timeout=self.timeout) as http,
                mcp.Client(
                    streamable_http_client(self.url, http_client=http),
                    read_timeout_seconds=self.timeout,
                ) as client,
            ):
                yield await self._tools(client)
        except _LOST as error:
            raise SourceUnavailable(type(error).__name__) from None
        except BaseExceptionGroup as group:
            known, others = group.split(_LOST)
            if others is not None or known is None:
                raise
            raise SourceUnavailable(_first(known)) from None

    async def _tools(self, client: mcp.Client) -> tuple[Tool, ...]:
        listed: list[mcp.Tool] = []
        cursor: str | None = None
        while len(listed) <= MAX_TOOLS:
            page = await client.list_tools(cursor=cursor)
            listed += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        usable = [
            tool
            for tool in listed
            if _NAME.fullmatch(tool.name) and (not self.only or tool.name in self.only)
        ][:MAX_TOOLS]
        log.info("tools found", source=self.name, tools=len(usable), offered=len(listed))
        return tuple(self._tool(client, tool) for tool in usable)

    def _tool(self, client: mcp.Client, tool: mcp.Tool) -> Tool:
        async def run(arguments: Mapping[str, Any], context: ToolContext) -> object:
            try:
                result = await client.call_tool(tool.name, dict(arguments))
            except _LOST:
                raise ToolFailure("the tool's server does not answer") from None
            text = _text(result.content)
            if result.is_error:
                raise ToolFailure(text or "the tool failed")
            return text or result.structured_content or "done"

        description = tool.description or tool.title or tool.name
        return Tool(tool.name, description, tool.input_schema, run, self.timeout)


def _text(content: list[Any]) -> str:
    """What a model that hears and reads can use of a result."""
    return "\n".join(part.text for part in content if part.type == "text")


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
