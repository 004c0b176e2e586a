"""Bethink as an MCP client: other people's servers, whose tools join the chat's own."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import threading
import uuid
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future, wait
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bethink.agents.foreign_tools import plain_schema, told
from bethink.tools.contract import Plot, Tool, ToolContext, ToolError, ToolInput, ToolOutput

log = logging.getLogger(__name__)

START_S = 30.0
"""Seconds a server may take to start and list its tools."""
CALL_S = 300.0
MAX_NAME, MAX_SUMMARY = 64, 4_000
MAX_PICTURE = 5_000_000
PNG = b"\x89PNG\r\n\x1a\n"


class ServerAddress(BaseModel):
    """How a server is reached: a ``command`` with ``args`` that is started here, or the ``url`` of one that runs."""

    model_config = ConfigDict(extra="forbid")

    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = Field("", pattern="^(https?://.*)?$")

    @model_validator(mode="after")
    def _one_of_them(self) -> ServerAddress:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command (with args) or url")
        return self


class AnyArguments(ToolInput):
    """Arguments of another server's tool; the server checks them by its own schema."""

    model_config = ConfigDict(extra="allow")


class RemoteOutput(ToolOutput):
    """What another server sent: its text, and its structured content where it has any."""

    structured: dict[str, Any] | None = None


@dataclass(frozen=True)
class RemoteTool(Tool):
    """A tool of another server. ``told`` is what the server says of it: data, for :class:`ForeignTools` to quote."""

    schema: dict[str, Any] = field(default_factory=dict)
    told: str = ""

    def input_schema(self) -> dict[str, Any]:
        """The server's own schema, without its words."""
        return self.schema


class MCPServers:
    """Sessions with MCP servers, kept open by a thread of their own until :meth:`close`.

    ``tools`` has their tools, named ``SERVER_TOOL``. Every one that is not said to be read-only has ``confirm`` set: it
    runs only when the user approves. A server that does not start, or not in time, is named in ``problems`` and is
    left out. Their standard error goes to ``mcp-NAME.log`` in ``folder``.
    """

    def __init__(self, servers: Mapping[str, ServerAddress], folder: Path) -> None:
        self.tools: list[Tool] = []
        self.problems: list[str] = []
        self._folder, self._loop = folder, asyncio.new_event_loop()
        self._over: asyncio.Event | None = None
        self._holding: list[Future[None]] = []
        if not servers:
            return
        if find_spec("mcp") is None:
            self.problems.append("mcp_servers needs the MCP SDK. Run: pip install 'bethink[mcp]'")
            return
        threading.Thread(target=self._loop.run_forever, name="mcp-servers", daemon=True).start()
        self._over = asyncio.Event()
        started = {name: self._start(name, address) for name, address in servers.items()}
        for name, ready in started.items():
            try:
                self._add(name, *ready.result(START_S))
            except Exception as problem:
                log.warning("the MCP server %s did not start", name, exc_info=problem)
                self.problems.append(_told(name, problem))

    def close(self) -> None:
        """End the sessions and the servers that were started."""
        over = self._over
        if over is None:
            return
        self._over = None
        self._loop.call_soon_threadsafe(over.set)
        for holding in self._holding:
            wait([holding], timeout=5)
            holding.cancel()  # one that is still starting
            if not holding.cancelled() and (problem := holding.exception()) is not None:
                log.warning("an MCP server did not end well", exc_info=problem)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _start(self, name: str, address: ServerAddress) -> Future[Any]:
        ready: Future[Any] = Future()
        self._holding.append(asyncio.run_coroutine_threadsafe(self._hold(name, address, ready), self._loop))
        return ready

    async def _hold(self, name: str, address: ServerAddress, ready: Future[Any]) -> None:
        over = self._over
        try:
            async with _session(address, self._folder / f"mcp-{_plain(name)}.log") as session:
                ready.set_result((session, await _all_tools(session)))
                if over is not None:
                    await over.wait()
        except BaseException as problem:
            if not ready.done():
                ready.set_exception(problem)
            else:
                raise

    def _add(self, server: str, session: Any, tools: list[Any]) -> None:
        taken = {tool.name for tool in self.tools}
        for tool in tools:
            name = f"{_plain(server)}_{_plain(tool.name)}"[:MAX_NAME]
            if name in taken:
                self.problems.append(f"The MCP server {server} has two tools that would be called {name}; one is used.")
                continue
            taken.add(name)
            hints = tool.annotations
            reads = bool(hints and hints.readOnlyHint)
            self.tools.append(
                RemoteTool(
                    name=name,
                    description=f"A tool of the MCP server {_plain(server)}.",
                    Input=AnyArguments,
                    Output=RemoteOutput,
                    run=partial(self._run, server, session, tool.name),
                    read_only=reads,
                    idempotent=reads or bool(hints and hints.idempotentHint),
                    confirm=not reads,
                    timeout_s=CALL_S,
                    schema=plain_schema(tool.inputSchema),
                    told=told(tool.description or "", tool.inputSchema),
                )
            )

    def _run(self, server: str, session: Any, tool: str, request: AnyArguments, context: ToolContext) -> RemoteOutput:
        async def told(done: float, total: float | None, message: str | None) -> None:
            context.progress(min(1.0, done / total) if total else 0.0, message or "")

        call = session.call_tool(tool, request.model_extra or {}, progress_callback=told)
        waiting = asyncio.run_coroutine_threadsafe(call, self._loop)
        while not waiting.done() and not context.cancel.is_set():
            wait([waiting], timeout=0.1)
        if not waiting.done():
            waiting.cancel()
            raise ToolError("cancelled", "The run was cancelled.", f"The server {server} may still go on with it.")
        try:
            result = waiting.result()
        except Exception as problem:
            log.warning("%s of %s failed", tool, server, exc_info=problem)
            reason = str(problem)[:300] or type(problem).__name__
            message = f"The MCP server {server} did not answer: {reason}."
            raise ToolError("not_ready", message, "Check that it runs, then start Bethink again.") from problem
        text = "\n".join(block.text for block in result.content if block.type == "text")
        if result.isError:
            raise ToolError("invalid_input", text[:MAX_SUMMARY] or f"{tool} failed without a word.", "")
        plots = _pictures(result.content, context.folder, tool)
        return RemoteOutput(summary=text[:MAX_SUMMARY] or "Done.", plots=plots, structured=result.structuredContent)


@asynccontextmanager
async def _session(address: ServerAddress, errors: Path) -> AsyncIterator[Any]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client

    if address.url:
        async with streamablehttp_client(address.url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            yield session
        return
    with errors.open("w", encoding="utf-8") as log_file:
        started = StdioServerParameters(command=address.command, args=address.args, env=address.env or None)
        async with stdio_client(started, errlog=log_file) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            yield session


async def _all_tools(session: Any) -> list[Any]:
    found, cursor = [], None
    for _ in range(100):
        page = await session.list_tools(cursor)
        found += page.tools
        cursor = page.nextCursor
        if not cursor:
            break
    return found


def _pictures(content: list[Any], folder: Path, tool: str) -> list[Plot]:
    plots = []
    for block in content:
        if block.type != "image" or block.mimeType != "image/png" or len(block.data) > MAX_PICTURE:
            continue
        data = base64.b64decode(block.data)
        if data.startswith(PNG):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"mcp_{uuid.uuid4().hex[:12]}.png"
            path.write_bytes(data)
            plots.append(Plot(path=str(path), title=tool[:100], alt=f"A picture that {tool[:100]} made."))
    return plots


def _plain(name: str) -> str:
    """A name as commands have it: small letters, digits and underscores, a letter first."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"t_{plain}".rstrip("_")


def _told(name: str, problem: BaseException) -> str:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    if isinstance(problem, TimeoutError):
        reason = f"it did not answer within {START_S:g} s"
    else:
        reason = str(problem)[:300] or type(problem).__name__
    where = f"see [mcp_servers.{name}] in bethink.toml"
    return f"The MCP server {name} did not start ({reason}). Its tools are missing; {where}."
