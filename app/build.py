"""Put the parts together: settings in, an agent out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.agents.mcp_servers import MCPServers
    from bethink.agents.policies import Policies
    from bethink.app.settings import Settings
    from bethink.memory import ThoughtMemory


class DataFolderError(RuntimeError):
    """The data folder cannot be used; the message says why and what to do."""


def data_folder(path: Path) -> Path:
    """The folder, made (for its owner alone) and tried with a write.

    Raises:
        DataFolderError: it cannot be made or written.
    """
    folder = path.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as problem:
        raise DataFolderError(
            f"The data folder {folder} cannot be written ({problem.strerror}). "
            "Choose another with --data FOLDER or BETHINK_DATA, or change its permissions."
        ) from problem
    return folder


def memory_folder(settings: Settings) -> Path:
    """Where the memory's journal is, and its thoughts if no server keeps them; each server has a folder of its own."""
    if not settings.memory_server:
        return data_folder(settings.data) / "memory"
    name = hashlib.sha256(settings.memory_server.encode("utf-8", "replace")).hexdigest()[:8]
    return data_folder(settings.data) / f"memory-on-server-{name}"


def open_memory(settings: Settings) -> ThoughtMemory:
    """The thought memory of the data folder (takes its lock), or that on the server of ``memory_server``.

    Raises:
        MemoryServerError: no server answers there; the message says how to start one.
    """
    from bethink.memory import ThoughtMemory
    from bethink.memory.server import chroma_server
    from bethink.models.embedder import SentenceEmbedder

    folder, embedder = memory_folder(settings), SentenceEmbedder()
    if not settings.memory_server:
        return ThoughtMemory(folder, embedder)
    store = chroma_server(settings.memory_server, embedder.dim)
    # the lock of the data folder's own memory: it keeps a second process from the chats, too
    return ThoughtMemory(folder, embedder, store=store, lock=data_folder(settings.data) / "memory" / "lock")


def open_agent(settings: Settings) -> Agent:
    """The agent of the data folder. Loads no weights: call ``warm_up``, or wait at the first turn."""
    from bethink.agents.agent import Agent
    from bethink.app.errors import log_to
    from bethink.memory.trained_extract import TrainedExtractor
    from bethink.models.chat import ChatLocal
    from bethink.models.registry import ADAPTED, load_chat_model
    from bethink.tools import all_tools

    made: list[Agent] = []

    def progress(done: float, message: str) -> None:
        for agent in made:
            agent.report(done, message)

    set_meter(settings)
    model = load_chat_model(settings.model, progress=progress, **model_options(settings))
    memory = open_memory(settings)
    folder = data_folder(settings.data)
    log_to(folder)
    if settings.model.strip() == ADAPTED and isinstance(model, ChatLocal):
        memory.extractor = TrainedExtractor(model.decode_json)
    servers = open_servers(settings, folder)
    tools, checkpoints = [*all_tools(), *servers.tools], settings.checkpoints.get_secret_value()
    spared = policies(settings)
    agent = Agent(model, memory, memory.embedder, tools, folder, checkpoints=checkpoints, policies=spared)
    agent.on_close.append(servers.close)
    if settings.otel:
        from bethink.agents.otel import OtelExport

        export = OtelExport()
        agent.ledger.listeners.append(export.send)
        agent.on_close.append(export.close)
    made.append(agent)
    return agent


def open_servers(settings: Settings, folder: Path) -> MCPServers:
    """The MCP servers of the settings, started; one that does not answer is told of, and its tools are missing."""
    from bethink.agents.mcp_servers import MCPServers
    from bethink.app.output import stderr

    servers = MCPServers(settings.mcp_servers, folder)
    for problem in servers.problems:
        stderr.print(f"[yellow]Warning:[/] {problem}", highlight=False, soft_wrap=True)
    return servers


def model_options(settings: Settings) -> dict[str, Any]:
    """The settings a chat model takes, under the names its class uses."""
    if settings.model.startswith("openai:"):
        return {"temperature": settings.temperature, "max_completion_tokens": settings.max_new_tokens}
    options = {"precision": settings.precision, "keep_prefix": settings.keep_prefix}
    return {"temperature": settings.temperature, "max_new_tokens": settings.max_new_tokens, **options}


def policies(settings: Settings) -> Policies:
    """The settings that spare energy in the agent."""
    from dataclasses import fields

    from bethink.agents.policies import Policies

    return Policies(**{field.name: getattr(settings, field.name) for field in fields(Policies)})


def set_meter(settings: Settings) -> None:
    """Tell this process's meter where its electricity is from, and what a model elsewhere takes.

    Raises:
        SettingsError: there is no such country, or a number that cannot be.
    """
    from bethink.app.settings import SettingsError
    from bethink.models.energy import Carbon, process_meter
    from bethink.models.energy.carbon import CarbonError

    meter = process_meter()
    try:
        meter.carbon = Carbon.of(settings.country, settings.pue)
    except CarbonError as problem:
        raise SettingsError(f"Settings: {problem}") from problem
    read, written = settings.joules_per_token_in, settings.joules_per_token_out
    if (read is None) != (written is None):
        raise SettingsError("Settings: set both joules_per_token_in and joules_per_token_out, or neither.")
    meter.remote_j_per_token = None if read is None or written is None else (read, written)
