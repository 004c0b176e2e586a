"""A small MCP server made with the official SDK, for tests of Bethink as a client; run as a process of its own."""

from __future__ import annotations

import base64
import os
import sys
import time
from pathlib import Path

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import ImageContent, ToolAnnotations

server = FastMCP("remote", log_level="ERROR")
READS = ToolAnnotations(readOnlyHint=True)
NOTES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


@server.tool(annotations=READS)
def look(word: str) -> dict[str, int]:
    """Look a word up."""
    return {"letters": len(word)}


@server.tool()
def write(text: str) -> str:
    """Write a note."""
    with NOTES.open("a") as file:
        file.write(text + "\n")
    return "written"


@server.tool(name="Read-File.v2", annotations=READS)
def refuse() -> str:
    """Never works."""
    raise ValueError("There is no such file.")


@server.tool(annotations=READS)
def picture() -> ImageContent:
    """A picture."""
    return ImageContent(type="image", data=PNG, mimeType="image/png")


@server.tool(annotations=READS)
async def slow(context: Context, steps: int = 3) -> str:
    """Take a while."""
    import asyncio

    for step in range(steps):
        await context.report_progress(step, steps, f"at {step}")
        await asyncio.sleep(0.05)
    return "at last"


@server.tool(annotations=READS)
def die() -> str:
    """End the process."""
    os._exit(3)


if __name__ == "__main__":
    if "late" in sys.argv:
        time.sleep(60)
    server.run("stdio")
