"""What a tool call over MCP costs beside the official SDK's bare echo, over stdio and streamable HTTP.

Both servers echo the same text with structured output, each in a process of its own; the client is the SDK's own, and
the rounds take turns. ``memory_search`` among 1,000 thoughts is beside them for comparison: most of it is the embedding
of the query, so it has no bar here.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from pydantic import BaseModel

from tests.benchmarks.report import bar, finish, show

ROUNDS, CALLS, WARM = 20, 50, 20
TEXT = "An echo of a sentence that is about as long as a question."
THOUGHTS = 1000


class Echo(BaseModel):
    """What the bare server sends back: the fields that every output of ours has."""

    summary: str
    plots: list[str] = []
    files: list[str] = []
    text: str


def bare() -> Any:
    """The SDK's own server with one tool."""
    from mcp.server.fastmcp import FastMCP

    server = FastMCP("bare", log_level="ERROR")

    @server.tool()
    def echo(text: str) -> Echo:
        return Echo(summary="Echoed.", text=text)

    return server


def ours(folder: Path, memory: Any = None) -> Any:
    """Bethink's toolbox with the same tool."""
    from bethink.app.mcp import Toolbox
    from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput

    class EchoInput(ToolInput):
        text: str

    class EchoOutput(ToolOutput):
        text: str

    def echo(request: EchoInput, context: ToolContext) -> EchoOutput:
        return EchoOutput(summary="Echoed.", text=request.text)

    return Toolbox(folder, memory, [Tool("echo", "Echo a text.", EchoInput, EchoOutput, echo)])


def serve(which: str, over: str, folder: Path) -> None:
    """What a server process does."""
    memory = None
    if which == "memory":
        from bethink.memory import ThoughtMemory
        from bethink.models.embedder import SentenceEmbedder

        memory = ThoughtMemory(folder / "memory", SentenceEmbedder())
        for number in range(THOUGHTS):
            memory.insert(f"Thought {number}: friend {number % 97} likes dish {number % 89}.", user_id="ann")
    if over == "stdio":
        if which == "bare":
            bare().run("stdio")
        else:
            from bethink.app.mcp import mcp_server, serve_stdio
            from bethink.app.mcp.stdio import take_stdout

            serve_stdio(mcp_server(ours(folder, memory), "ann"), take_stdout())
        return
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Route

    if which == "bare":
        app = bare().streamable_http_app()
    else:
        from bethink.app.mcp import mcp_app

        app = Starlette(routes=[Route("/mcp", endpoint=mcp_app(ours(folder, memory), "ann"))])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


@contextmanager
def address(which: str, folder: Path) -> Iterator[str]:
    """The URL of an HTTP server in a process of its own."""
    with Popen(
        [sys.executable, "-m", "tests.benchmarks.mcp", which, "http", str(folder)], stdout=PIPE, stderr=DEVNULL
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        process.terminate()


@asynccontextmanager
async def connected(which: str, over: str, folder: Path) -> Any:
    """A session with a server that is started for it."""
    async with AsyncExitStack() as stack:
        if over == "stdio":
            arguments = ["-m", "tests.benchmarks.mcp", which, "stdio", str(folder)]
            started = StdioServerParameters(command=sys.executable, args=arguments)
            read, write = await stack.enter_async_context(stdio_client(started))
        else:
            url = stack.enter_context(address(which, folder))
            read, write, _ = await stack.enter_async_context(streamablehttp_client(url))
        session = await stack.enter_async_context(ClientSession(read, write))
        await session.initialize()
        await session.list_tools()
        yield session


async def timed(session: ClientSession, tool: str, arguments: dict[str, Any], count: int) -> list[float]:
    """Milliseconds of some calls, one after the other."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        result = await session.call_tool(tool, arguments)
        times.append(1000 * (time.perf_counter() - start))
        if result.isError or result.structuredContent is None:
            raise RuntimeError(f"{tool} failed: {result.content}")
    return times


async def measure(over: str, folder: Path) -> dict[str, list[float]]:
    """Milliseconds of all calls, by server."""
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "bare": ("echo", {"text": TEXT}),
        "bethink": ("echo", {"text": TEXT}),
        "memory": ("memory_search", {"query": "What does friend 12 like?"}),
    }
    times: dict[str, list[float]] = {which: [] for which in asked}
    async with AsyncExitStack() as stack:
        sessions = {}
        for which in asked:
            (folder / f"{over}-{which}").mkdir()
            sessions[which] = await stack.enter_async_context(connected(which, over, folder / f"{over}-{which}"))
            await timed(sessions[which], *asked[which], WARM)
        for number in range(ROUNDS):
            print(f"  {over}: round {number + 1}/{ROUNDS}", file=sys.stderr)
            for which, session in sessions.items():
                times[which] += await timed(session, *asked[which], CALLS if which != "memory" else CALLS // 10)
    return times


def main() -> None:
    """Measure, print, write ``docs/results/mcp.json``."""
    figures: dict[str, Any] = {}
    bars, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        for over in ("stdio", "http"):
            times = asyncio.run(measure(over, Path(folder)))
            found = {
                which: {"p50_ms": round(median(all_), 3), "p95_ms": round(quantiles(all_, n=20)[-1], 3)}
                for which, all_ in times.items()
            }
            found["calls"] = {which: len(all_) for which, all_ in times.items()}
            figures[over] = found
            rows += [
                (f"{which}, {over}", float(found[which]["p50_ms"]), float(found[which]["p95_ms"])) for which in times
            ]
            ratio = found["bethink"]["p50_ms"] / found["bare"]["p50_ms"]
            bars.append(bar(f"echo over {over}: p50 beside the bare SDK's", ratio, "<=", 1.5))
            bars.append(bar(f"echo over {over}: p50, ms", found["bethink"]["p50_ms"], "<=", 15))
    show("One call over MCP, ms", ("server", "p50", "p95"), rows)
    finish("mcp", figures, bars, packages=("mcp", "anyio", "starlette", "uvicorn", "pydantic"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        main()
