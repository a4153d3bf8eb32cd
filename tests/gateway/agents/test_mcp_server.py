"""Tools of a real MCP server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp.server import MCPServer

from gateway.agents.mcp_server import McpServer
from gateway.agents.tool import Tool, ToolContext, ToolFailure
from gateway.agents.tool_source import SourceUnavailable, keep_open
from tests.mcp_servers import running_mcp_server

CONTEXT = ToolContext("sess_1", "front")


def warehouse() -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer("warehouse")

    @server.tool()
    def count(item: str, floor: int = 1) -> int:
        """How many there are."""
        return len(item) * floor

    @server.tool()
    def fail() -> str:
        """Fail."""
        raise ValueError("the shelf is empty")

    @server.tool(name="not a name")
    def unnamed() -> str:
        """Nothing a model can call."""
        return ""

    return server


async def test_a_servers_tools_are_an_agents() -> None:
    async with running_mcp_server(warehouse()) as url, McpServer(url).open() as tools:
        count, fail = tools
        assert (count.name, count.description) == ("count", "How many there are.")
        assert count.parameters["properties"]["item"]["type"] == "string"
        assert await count.run({"item": "tea", "floor": 2}, CONTEXT) == "6"
        with pytest.raises(ToolFailure, match="validation error"):
            await count.run({"floor": "two"}, CONTEXT)
        with pytest.raises(ToolFailure, match="fail"):
            await fail.run({}, CONTEXT)


async def test_an_agent_gets_only_what_it_shall() -> None:
    async with (
        running_mcp_server(warehouse()) as url,
        McpServer(url, only=("fail",)).open() as tools,
    ):
        assert [tool.name for tool in tools] == ["fail"]


async def test_a_server_that_goes_and_comes_is_found_again() -> None:
    told: asyncio.Queue[tuple[Tool, ...]] = asyncio.Queue()
    async with running_mcp_server(warehouse()) as url:
        task = asyncio.create_task(
            keep_open(McpServer(url, timeout=2.0), told.put_nowait, back_off=(0.05,))
        )
        count, _ = await told.get()
    try:
        with pytest.raises(ToolFailure, match="the tool's server does not answer"):
            await count.run({"item": "tea"}, CONTEXT)
        assert await told.get() == ()
        port = int(url.split(":")[2].split("/")[0])
        async with running_mcp_server(warehouse(), port), asyncio.timeout(10):
            count, _ = await told.get()
            assert await count.run({"item": "tea"}, CONTEXT) == "3"
            task.cancel()
            await asyncio.wait([task])
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(SourceUnavailable):
        async with McpServer("http://127.0.0.1:1/mcp", timeout=2.0).open():
            pass


def test_keys_stay_out_of_logs() -> None:
    server = McpServer("http://ann:pw@mcp.example/mcp?key=s3cret", {"Authorization": "Bearer x"})
    assert server.name == "mcp.example/mcp"
    assert "Bearer" not in repr(server)


@pytest.mark.parametrize("url", ["mcp.example/mcp", "ws://mcp.example/mcp", "http://"])
def test_what_is_no_address_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="http:// or https://"):
        McpServer(url)


async def test_a_server_that_speaks_no_mcp_is_unavailable() -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<html>Hello</html>"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(chatter, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SourceUnavailable):
            async with McpServer(f"http://127.0.0.1:{port}/mcp", timeout=2.0).open():
                pass
