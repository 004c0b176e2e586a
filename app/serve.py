"""The web server: Gradio's page inside FastAPI, on this machine only."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from bethink.agents.agent import Agent

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_UPLOAD = 50_000_000
"""Bytes; as large as a file of observations may be."""
PORTS_TRIED = 50
HEADERS = {
    # Gradio's page has inline scripts and styles; nothing may come from, or go to, another host
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class PortError(RuntimeError):
    """The server cannot listen where it was asked to; the message says what to do."""


def create_app(agent: Agent, *, default_user: str = "me", auth: Any = None, mcp: bool = False) -> FastAPI:
    """The FastAPI application.

    Args:
        agent: what answers.
        default_user: whose chats and thoughts the page shows where nobody logs in.
        auth: Gradio's ``auth``: a function (name, password) -> bool, or pairs of them; the name is then the user.
        mcp: whether MCP hosts find the agent's tools and the default user's memory at ``/mcp``.

    Raises:
        ValueError: both ``auth`` and ``mcp``; that way in asks for no password.
    """
    if mcp and auth is not None:
        raise ValueError("Leave out auth or mcp: /mcp asks nobody for a password.")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    from fastapi import FastAPI, Request, Response
    from fastapi.middleware.trustedhost import TrustedHostMiddleware

    from bethink.app.openai_api import openai_router
    from bethink.app.ui.page import build_page
    from bethink.app.ui.theme import CSS, theme

    app = FastAPI(title="Bethink", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        origin = request.headers.get("origin")
        if origin and origin.split("://")[-1].split("/")[0] != request.headers.get("host"):
            return Response("This page takes requests from itself only.", status_code=403)
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"ok": True, "model": agent.model_name, **agent.status()}

    if mcp:
        from bethink.agents.energy_tool import energy_tool
        from bethink.app.mcp import Toolbox, mcp_app

        # outside of a chat the report is on one user's day
        tools = [tool for tool in agent.tools if tool.name != "energy_report"]
        tools.append(energy_tool(agent.ledger, default_user))
        app.add_route("/mcp", mcp_app(Toolbox(agent.folder, agent.memory, tools), default_user))
    if auth is None:
        app.include_router(openai_router(agent, default_user=default_user))
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK[:2], "[::1]"])
    page = build_page(agent, default_user)
    page.queue(max_size=64, default_concurrency_limit=8)
    return gr.mount_gradio_app(
        app,
        page,
        path="",
        server_name=LOOPBACK[0],
        auth=auth,
        allowed_paths=[str(agent.plots)],
        max_file_size=MAX_UPLOAD,
        show_error=False,
        footer_links=[],
        theme=theme(),
        css=CSS,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on ``port`` or the next free one.

    Raises:
        PortError: the host is not this machine's own, or no port is free.
    """
    if host not in LOOPBACK:
        raise PortError(
            f"Bethink listens on this machine only (127.0.0.1), not on {host}. Use an SSH tunnel to reach it."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [*range(port, min(port + PORTS_TRIED, 65536)), 0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
            return listener
        except (OSError, OverflowError):
            listener.close()
    raise PortError(f"No port from {port} on is free. Give another with --port.")


def serve(app: ASGIApp, host: str, port: int, open_browser: bool = False, path: str = "") -> None:
    """Serve until interrupted; prints the address, with ``path``, once it answers."""
    import uvicorn

    listener = listen(host, port)
    bound = listener.getsockname()[1]
    if bound != port:
        print(f"Port {port} is in use; taking {bound}.", file=sys.stderr, flush=True)
    url = f"http://{'localhost' if ':' in host else host}:{bound}{path}"

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"Bethink is at {url}", flush=True)
            if open_browser:
                import webbrowser

                webbrowser.open(url)

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    Announcing(config).run(sockets=[listener])
