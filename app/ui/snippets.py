"""The same tool call in other places: as text to copy."""

from __future__ import annotations

import json
import shlex
from typing import Any

MCP = """import asyncio

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main():
    server = StdioServerParameters(command="bethink", args={options})
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        result = await session.call_tool("{name}", {arguments})
        print(result.structuredContent["summary"])


asyncio.run(main())
"""
LANGCHAIN = """from bethink.tools import langchain_tools

tools = {{tool.name: tool for tool in langchain_tools({options})}}
print(tools["{name}"].invoke({arguments}))
"""


def in_chat(name: str, arguments: dict[str, Any]) -> str:
    """What is typed into the chat."""
    return f"/{name} {json.dumps(arguments, ensure_ascii=False)}"


def in_shell(name: str, arguments: dict[str, Any], uploads: str = "") -> str:
    """The command. ``uploads``: the folder of the files that the arguments name, if they name any."""
    given = f" --uploads {shlex.quote(uploads)}" if uploads else ""
    return f"bethink tools call {name} {shlex.quote(json.dumps(arguments, ensure_ascii=False))}{given}"


def over_mcp(name: str, arguments: dict[str, Any], uploads: str = "") -> str:
    """A Python program that asks ``bethink mcp``; the same call goes through any MCP host."""
    options = ["mcp", "--no-memory", *(["--uploads", uploads] if uploads else [])]
    return MCP.format(name=name, arguments=arguments, options=json.dumps(options))


def in_langchain(name: str, arguments: dict[str, Any], uploads: str = "") -> str:
    """A Python program over LangChain's tools."""
    return LANGCHAIN.format(name=name, arguments=arguments, options=f"uploads={uploads!r}" if uploads else "")
