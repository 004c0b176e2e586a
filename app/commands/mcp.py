"""``bethink mcp``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bethink.app.output import fail, stderr


def require_sdk() -> None:
    """End with a sentence where the MCP SDK is not installed."""
    if find_spec("mcp") is None:
        fail("The MCP SDK is not installed.", "Run: pip install 'bethink[mcp]'")


def run_mcp(
    *,
    http: bool,
    port: int | None,
    user: str | None,
    data: Path | None,
    uploads: Path | None,
    memory: bool,
    images: bool,
) -> None:
    """Open the memory and serve it with the tools until standard input ends, or until interrupted."""
    require_sdk()
    from bethink.app.mcp.stdio import serve_stdio, take_stdout

    stdout = None if http else take_stdout()
    from bethink.app.build import data_folder, open_memory
    from bethink.app.errors import log_to
    from bethink.app.mcp.server import mcp_server
    from bethink.app.mcp.toolbox import Toolbox
    from bethink.app.settings import load_settings
    from bethink.memory import MemoryLockedError

    settings = load_settings(data=data, user=user, port=port)
    if uploads is not None and not uploads.is_dir():
        fail(f"There is no folder {uploads}.", "Give one with --uploads, or leave it out.")
    folder = data_folder(settings.data)
    log_to(folder)
    try:
        thoughts = open_memory(settings) if memory else None
    except MemoryLockedError as problem:
        fail(str(problem), "Beside an open chat: bethink chat --mcp, and give the host that page's /mcp as an address.")
    toolbox = Toolbox(folder, thoughts, uploads=uploads)
    try:
        if stdout is not None:
            stderr.print(f"Bethink speaks MCP on standard input and output, for {settings.user}.", highlight=False)
            serve_stdio(mcp_server(toolbox, settings.user, images=images), stdout)
        else:
            from starlette.applications import Starlette
            from starlette.routing import Route

            from bethink.app.mcp.http import mcp_app
            from bethink.app.serve import serve

            app = mcp_app(toolbox, settings.user, images=images)
            serve(Starlette(routes=[Route("/mcp", endpoint=app)]), settings.host, settings.port, path="/mcp")
    finally:
        if thoughts is not None:
            thoughts.close()
