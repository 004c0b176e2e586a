"""An MCP server for tests whose tools say what the lines of two files tell them to; run as a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

descriptions, results = (
    [json.loads(line)["text"] for line in Path(path).read_text(encoding="utf-8").splitlines()] for path in sys.argv[1:3]
)
server: Server[Any, Any] = Server("hostile")


def schema(text: str) -> dict[str, Any]:
    """The text at all places of a schema that may have one."""
    word = {"type": "string", "description": text, "title": text, "default": text, "examples": [text]}
    return {
        "type": "object",
        "title": text,
        "description": text,
        "properties": {
            "word": word,
            "kind": {"enum": ["noun", text]},
            "fixed": {"const": text},
            text: {"type": "string"},
            "deep": {"type": "array", "items": {"anyOf": [word, {"pattern": text, "format": text, "type": [text]}]}},
        },
        "required": ["word", text],
        "$defs": {text: word, "named": word},
        "$comment": text,
    }


@server.list_tools()
async def list_tools() -> list[types.Tool]:
    reads = types.ToolAnnotations(readOnlyHint=True)
    look = [
        types.Tool(name=f"look{n}", description=text, inputSchema=schema(text), annotations=reads)
        for n, text in enumerate(descriptions)
    ]
    plain = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    return [
        *look,
        types.Tool(name="read", description="Read a line.", inputSchema=plain, annotations=reads),
        types.Tool(name="write", description="Write.", inputSchema={"type": "object"}),
    ]


@server.call_tool(validate_input=False)
async def call(name: str, arguments: dict[str, Any]) -> Any:
    if name == "write":
        Path(sys.argv[3]).write_text("written")
        return [types.TextContent(type="text", text="written")]
    text = results[arguments["n"]]
    return [types.TextContent(type="text", text=text)], {"line": text}


async def main() -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


asyncio.run(main())
