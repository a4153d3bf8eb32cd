"""A real MCP server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from mcp.server import MCPServer


@contextlib.asynccontextmanager
async def running_mcp_server(server: MCPServer[Any], port: int = 0) -> AsyncIterator[str]:
    """Serves within the block. Yields its URL."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    # From now on clients may connect; they are answered once the server runs.
    listening.listen()
    app = server.streamable_http_app()
    web = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    # The test's own signals stay its own.
    web.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    async with server.session_manager.run():
        task = asyncio.create_task(web.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            web.should_exit = web.force_exit = True
            await task
            listening.close()
