"""What tests of MCP share: small calls of every tool, a server on a port of its own, and clients of the official SDK."""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from starlette.applications import Starlette
from starlette.routing import Route

from bethink.agents.thought_tools import memory_tools
from bethink.app.mcp import Toolbox, mcp_app
from bethink.tools import all_tools
from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput

BETHINK = str(Path(sys.executable).with_name("bethink"))
SMALL: dict[str, dict[str, Any]] = {
    "track_state": {"cycles": 20, "members": 10},
    "estimate_density": {"rows": 200, "generate": 20},
    "allocate_budget": {"upload": "campaign.csv", "budget": 300},
    "budget_curve": {"upload": "campaign.csv", "budgets": [100, 300]},
    "evaluate_policy": {"upload": "campaign.csv"},
}
"""Arguments that make the first example of a tool quick."""


def every_call() -> dict[str, dict[str, Any]]:
    """Each tool's first example, at small settings; what the memory's tools need to find is not there yet."""
    return {
        tool.name: {**tool.examples[0][1], **SMALL.get(tool.name, {})}
        for tool in [*all_tools(), *memory_tools(None, "nobody")]  # type: ignore[arg-type]
    }


def campaign(folder: Path) -> Path:
    """A folder with a small logged campaign, ``campaign.csv``."""
    draw, rows = random.Random(0), ["user_id,step,segment,amount,reward,cost"]
    for user in range(300):
        segment = draw.choice(["loyal", "new"])
        for step in range(2):
            amount = draw.choice([0, 2, 5])
            reward = int(draw.random() < (0.2 + 0.06 * amount if segment == "new" else 0.5))
            rows.append(f"{user},{step},{segment},{amount},{reward},{amount * reward}")
    folder.mkdir(exist_ok=True)
    (folder / "campaign.csv").write_text("\n".join(rows) + "\n")
    return folder


class CountInput(ToolInput):
    to: int = 3
    deaf: bool = False


class CountOutput(ToolOutput):
    to: int


class Counter:
    """A tool that counts slowly; ``running`` and ``ended`` say what became of the last call."""

    def __init__(self) -> None:
        self.running, self.ended = threading.Event(), threading.Event()

    @property
    def tool(self) -> Tool:
        return Tool("count", "Counts.", CountInput, CountOutput, self.count, read_only=False, timeout_s=60)

    def count(self, request: CountInput, context: ToolContext) -> CountOutput:
        self.running.set()
        print("counting")  # a library that prints must not break the protocol
        try:
            for step in range(request.to):
                time.sleep(0.1)
                if not request.deaf:
                    context.checkpoint(step / request.to, f"at {step}")
        finally:
            self.ended.set()
        return CountOutput(summary=f"Counted to {request.to}.", to=request.to)


@contextmanager
def serving(what: Toolbox | Any, user: Any = "ann") -> Iterator[str]:
    """The URL of a toolbox (or of another application's ``/mcp``) served in a thread; it is stopped at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = what
    if isinstance(what, Toolbox):
        app = Starlette(routes=[Route("/mcp", endpoint=mcp_app(what, user))])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    server.should_exit = True
    thread.join(timeout=10)


@asynccontextmanager
async def over_http(url: str, **headers: str):
    """A session of the SDK's client over streamable HTTP."""
    async with (
        streamablehttp_client(url, headers=headers) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


@asynccontextmanager
async def over_stdio(*arguments: str, command: str = BETHINK):
    """A session of the SDK's client with a server that it starts."""
    parameters = StdioServerParameters(command=command, args=list(arguments), env={"OMP_NUM_THREADS": "1"})
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session
