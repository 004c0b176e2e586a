"""The web server: Gradio's page inside FastAPI, with what programs ask beside it."""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from bethink.agents.agent import Agent
    from bethink.app.access.users import Users
    from bethink.app.settings import Settings
    from bethink.app.ui.uploads import UploadLimits
    from bethink.tools.contract import ToolResult

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_UPLOAD = 50_000_000
"""Bytes; as large as a file of observations may be."""
PORTS_TRIED = 50
FILE_REQUEST = re.compile(r"/gradio_api/file[=/](.*)", re.DOTALL)
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


def create_app(
    agent: Agent,
    *,
    default_user: str = "me",
    users: Users | None = None,
    mcp: bool = False,
    metrics: bool = False,
    hosts: Sequence[str] = (),
    uploads: UploadLimits | None = None,
    settings: Settings | None = None,
) -> FastAPI:
    """The FastAPI application.

    Args:
        agent: what answers.
        default_user: whose chats and thoughts the page shows where nobody logs in.
        users: who may log in to the page, and whose tokens programs ask with; None: nobody is asked who they are.
        mcp: whether MCP hosts find the agent's tools and their user's memory at ``/mcp``.
        metrics: whether Prometheus finds counts at ``/metrics``.
        hosts: names under which it may be asked, besides those of this machine itself.
        uploads: what a user may send to the page.
        settings: those the agent was made of, for the page to show; None: those that are found now.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    from fastapi import FastAPI, Request, Response
    from fastapi.middleware.trustedhost import TrustedHostMiddleware

    from bethink.app.access.gate import Gate, bearer_user
    from bethink.app.access.logins import TOLD, Logins, Sessions
    from bethink.app.openai_api import openai_router
    from bethink.app.ui.page import build_page
    from bethink.app.ui.theme import CSS, theme
    from bethink.app.ui.uploads import UploadLimits

    uploads = uploads or UploadLimits(MAX_UPLOAD)
    most = uploads.bytes or MAX_UPLOAD
    app = FastAPI(title="Bethink", docs_url=None, redoc_url=None, openapi_url=None)
    sessions = None if users is None else Sessions(users)
    user_of = bearer_user(users, default_user)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        origin = request.headers.get("origin")
        if origin and origin.split("://")[-1].split("/")[0] != request.headers.get("host"):
            return Response("This page takes requests from itself only.", status_code=403)
        if foreign(request.url.path):
            return Response("This server fetches nothing from elsewhere.", status_code=403)
        if sessions is not None and (path := file_asked_for(request.url.path)) is not None:
            name = sessions.of(request.cookies, page_app(app).cookie_id)
            if name is None or not may_read(agent, name, path):
                return Response("There is no such file of yours.", status_code=403)
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"ok": True, "model": agent.model_name, **agent.status()}

    page = build_page(agent, default_user, login=users is not None, uploads=uploads, settings=settings)
    page.queue(max_size=64, default_concurrency_limit=8)
    called = count_for_prometheus(app, agent, lambda: len(page._queue)) if metrics else None
    if mcp:
        from bethink.agents.energy_tool import energy_tool
        from bethink.app.mcp import Toolbox, mcp_app
        from bethink.app.mcp.http import LOOPBACK as MCP_HOSTS

        # outside of a chat the report is on one user's day; where there are several it is left out
        offered = [tool for tool in agent.tools if tool.name != "energy_report"]
        if users is None:
            offered.append(energy_tool(agent.ledger, default_user))
        toolbox = Toolbox(agent.folder, agent.memory, offered, called=called)
        app.add_route("/mcp", mcp_app(toolbox, user_of, hosts=[*MCP_HOSTS, *hosts]))
    app.include_router(openai_router(agent, user_of))
    app.add_middleware(Gate, users=users, max_upload=most)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK[:2], "[::1]", *hosts])
    app = gr.mount_gradio_app(
        app,
        page,
        path="",
        server_name=LOOPBACK[0],
        auth=None if users is None else Logins(users).check,
        auth_message=None if users is None else TOLD,
        allowed_paths=[str(agent.plots)],
        max_file_size=most,
        show_error=False,
        footer_links=[],
        run_history=False,
        theme=theme(),
        css=CSS,
    )
    if sessions is not None:
        page_app(app).tokens = sessions
    return app


def page_app(app: FastAPI) -> Any:
    """Gradio's own application inside ours."""
    return app.routes[-1].app  # type: ignore[attr-defined]


def count_for_prometheus(app: FastAPI, agent: Agent, queued: Callable[[], int]) -> Callable[[ToolResult], None]:
    """Add ``/metrics`` over the agent's turns; gives the function that counts calls which are no part of a turn."""
    from fastapi import Response

    from bethink.agents.thought_tools import memory_tools
    from bethink.app.metrics import Metrics

    names = [tool.name for tool in (*agent.tools, *memory_tools(agent.memory, ""))]
    counted = Metrics(names, queued, lambda: len(agent.running))
    agent.on_event.append(counted.hear)

    @app.get("/metrics")
    def metrics() -> Response:
        text, kind = counted.text()
        return Response(text, headers={"Content-Type": kind})

    return counted.called


def file_asked_for(path: str) -> str | None:
    """The file that a request to Gradio's file route names, as it names it; None for any other request."""
    found = FILE_REQUEST.match(path)
    return found.group(1) if found else None


def foreign(path: str) -> bool:
    """Whether Gradio would fetch something from another server for this request."""
    asked = file_asked_for(path)
    return "/gradio_api/proxy=" in path or (asked is not None and asked.lstrip("/ ").lower().startswith("http"))


def may_read(agent: Agent, user_id: str, path: str) -> bool:
    """Whether a user may be sent a file: of the plots only their own.

    Anything else that Gradio serves lies under the hash of its content, which only those know who were shown it.
    """
    try:
        wanted, plots = Path(path).resolve(), agent.plots.resolve()
    except (OSError, ValueError):  # a NUL in it, say
        return False
    return not wanted.is_relative_to(plots) or wanted.is_relative_to(agent.plots_of(user_id).resolve())


def listen(host: str, port: int, *, elsewhere: bool = False) -> socket.socket:
    """A listening socket on ``port`` or the next free one.

    Args:
        host: an address of this machine.
        port: where to begin.
        elsewhere: whether other machines may reach it.

    Raises:
        PortError: the host is not this machine's own, or no port is free.
    """
    if host not in LOOPBACK and not elsewhere:
        raise PortError(
            f"Bethink listens on this machine only (127.0.0.1), not on {host}. Use an SSH tunnel to reach it, "
            "or bethink serve, which asks who is there."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [*range(port, min(port + PORTS_TRIED, 65536)), 0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
            return listener
        except (OSError, OverflowError) as problem:
            listener.close()
            if isinstance(problem, socket.gaierror) or getattr(problem, "errno", None) == errno.EADDRNOTAVAIL:
                raise PortError(f"{host} is no address of this machine. Give another with --host.") from problem
    raise PortError(f"No port from {port} on is free. Give another with --port.")


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    open_browser: bool = False,
    path: str = "",
    *,
    elsewhere: bool = False,
    proxies: str = "",
) -> None:
    """Serve until interrupted; prints the address, with ``path``, once it answers.

    ``elsewhere``: whether other machines may reach it. ``proxies``: addresses of reverse proxies, with commas, whose
    word on where a request came from counts; nobody's does where it is empty.
    """
    import uvicorn

    listener = listen(host, port, elsewhere=elsewhere)
    bound = listener.getsockname()[1]
    if bound != port:
        print(f"Port {port} is in use; taking {bound}.", file=sys.stderr, flush=True)
    shown = "localhost" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
    url = f"http://{shown}:{bound}{path}"

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"Bethink is at {url}", flush=True)
            if open_browser:
                import webbrowser

                webbrowser.open(url)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        server_header=False,
    )
    Announcing(config).run(sockets=[listener])
