"""MCP over standard input and output, for hosts that start the server themselves."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server


def take_stdout() -> TextIOWrapper:
    """Standard output for the protocol alone: from now on all else that is printed goes to standard error.

    File descriptor 1 itself is moved, so libraries in C are covered too.
    """
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return TextIOWrapper(os.fdopen(own, "wb"), encoding="utf-8", newline="\n")


def serve_stdio(server: Server[Any, Any], stdout: TextIOWrapper) -> None:
    """Serve until standard input ends; calls that still run are cancelled then."""

    async def run() -> None:
        async with stdio_server(stdout=anyio.wrap_file(stdout)) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(run)
