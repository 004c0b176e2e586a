"""MCP over streamable HTTP, as an ASGI application for this machine's own clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import Receive, Scope, Send

from bethink.app.mcp.server import mcp_server
from bethink.app.mcp.toolbox import Toolbox

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY = 4 * 1024 * 1024
MAX_SESSIONS = 200


class MCPApp:
    """An ASGI application that starts by itself: with the server's lifespan, or at the first request where it is
    mounted in another application, which tells it of none."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self._manager = manager
        self._running: asyncio.Task[None] | None = None
        self._ready, self._over = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's own lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._start()
            await self._manager.handle_request(scope, receive, send)

    async def _start(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await self._ready.wait()

    async def _run(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await self._over.wait()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._over.set()
        if self._running is not None:
            await self._running
        await send({"type": "lifespan.shutdown.complete"})


def mcp_app(
    toolbox: Toolbox,
    user: str | Callable[[Any], str],
    *,
    images: bool = False,
    hosts: Sequence[str] = LOOPBACK,
) -> MCPApp:
    """The ASGI application for ``/mcp``: ``app.add_route("/mcp", mcp_app(...))`` in FastAPI or Starlette.

    A request whose ``Host`` is none of ``hosts`` (any port), or whose ``Origin`` is a page of another host, is
    refused: a web page cannot reach it by a name that leads to this machine.

    Args:
        toolbox: what is on offer.
        user: whose memory and results: a name, or a function of the request (from its token, say).
        images: send PNG plots with the results, too.
        hosts: names under which this machine may be asked.
    """
    names = [name for host in hosts for name in (host, f"{host}:*")]
    security = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"{kind}://{name}" for name in names for kind in ("http", "https")]
    )
    return MCPApp(
        StreamableHTTPSessionManager(
            mcp_server(toolbox, user, images=images),
            security_settings=security,
            max_request_body_size=MAX_BODY,
            max_sessions=MAX_SESSIONS,
        )
    )
