"""What ``bethink doctor`` looks at: each check is a function of the settings that says what it found, or what is amiss.

None takes the memory's lock, so that they run beside an open chat; nothing is written but a trial in the data folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bethink.app.settings import Settings

DISK_GB = 1.0
MEMORY_GB = 2.0
MCP_S = 60.0
"""Seconds that the call of a tool over MCP may take, the load of the embedder included."""


class CheckError(RuntimeError):
    """Something needs mending: what, and how."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


# -- what is installed -------------------------------------------------------------------------------------------------


def python(settings: Settings) -> str:
    """The version of Python."""
    return sys.version.split()[0]


def package(name: str) -> str:
    """The version of a package that is always needed."""
    try:
        return version(name)
    except PackageNotFoundError as problem:
        raise CheckError(f"{name} is not installed.", "Run: make install, or pip install bethink") from problem


def pins(settings: Settings) -> str:
    """Whether all packages are of versions that Bethink works with; of extras those that are installed."""
    from packaging.requirements import Requirement

    wrong, missing, count, extras = list[str](), list[str](), 0, set[str]()
    for line in requires("bethink") or []:
        wanted = Requirement(line)
        needed = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            if needed:
                missing.append(wanted.name)
            elif wanted.marker is not None:
                extras.add(wanted.name)
            continue
        count += 1
        if not wanted.specifier.contains(found, prereleases=True):
            wrong.append(f"{wanted.name} {found} (wanted: {wanted.specifier})")
    if wrong or missing:
        told = [*wrong, *(f"{name} is missing" for name in missing)]
        raise CheckError("; ".join(told) + ".", "Run: make install, or pip install --upgrade bethink")
    return f"{count} packages as wanted" + (f"; optional ones not here: {', '.join(sorted(extras))}" if extras else "")


def model(settings: Settings) -> str:
    """Whether the model's string names something that is here. Nothing is loaded."""
    from bethink.models.registry import load_chat_model

    load_chat_model(settings.model)
    return settings.model


def embedder(settings: Settings) -> str:
    """Whether the embedder's files are here."""
    from bethink.models.embedder import minilm_folder

    return f"{minilm_folder().name} found"


# -- the machine -------------------------------------------------------------------------------------------------------


def disk(settings: Settings) -> str:
    """Free space where the data folder is."""
    base = settings.data.expanduser()
    while not base.exists():
        base = base.parent
    free = shutil.disk_usage(base).free / 1e9
    if free < DISK_GB:
        raise CheckError(
            f"Only {free:.1f} GB of disk are free; the converted model alone needs 0.3 GB.",
            f"Make room at {base}, or choose another place with --data.",
        )
    return f"{free:.0f} GB free"


def memory(settings: Settings) -> str:
    """Working memory that is free."""
    import psutil

    found = psutil.virtual_memory()
    total, free = found.total / 1e9, found.available / 1e9
    if free < MEMORY_GB:
        raise CheckError(f"Only {free:.1f} of {total:.0f} GB of memory are free.", "Close other programs.")
    return f"{free:.0f} of {total:.0f} GB free"


def processor(settings: Settings) -> str:
    """Cores, what torch makes of them, and the GPU, or why none is used."""
    import torch

    cores = f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"
    if torch.cuda.is_available():
        return f"{cores}, {torch.cuda.get_device_name(0)}"
    if Path("/dev/nvidia0").exists() and torch.version.cuda is None:
        return f"{cores}; there is a GPU, but this torch is built for processors only"
    return f"{cores}, no GPU"


def energy(settings: Settings) -> str:
    """What joules come from, and why not from something better."""
    from bethink.models.energy import process_meter
    from bethink.models.energy.counters import missing_counters

    meter = process_meter()
    source = f", {meter.processor.source}" if meter.watts_per_core else ""
    return "; ".join([f"{meter.backend} ({meter.error_class}{source})", *missing_counters()])


def port(settings: Settings) -> str:
    """Whether the page can be served."""
    from bethink.app.serve import PortError, listen

    try:
        listener = listen(settings.host, settings.port)
    except PortError as problem:
        raise CheckError(str(problem)) from problem
    with listener:
        bound = listener.getsockname()[1]
    return f"{bound} is free" if bound == settings.port else f"{settings.port} is in use; chat takes {bound}"


# -- MCP ---------------------------------------------------------------------------------------------------------------


def mcp_call(settings: Settings) -> str:
    """A tool called over MCP, by a client of the official SDK in this process."""
    if find_spec("mcp") is None:
        return "the SDK is not installed (pip install 'bethink[mcp]')"
    import tempfile

    import anyio
    from mcp.shared.memory import create_connected_server_and_client_session

    from bethink.app.mcp.server import mcp_server
    from bethink.app.mcp.toolbox import Toolbox

    async def call(folder: str) -> str:
        server = mcp_server(Toolbox(folder), settings.user)
        with anyio.fail_after(MCP_S):
            async with create_connected_server_and_client_session(server) as client:
                tools = (await client.list_tools()).tools
                result = await client.call_tool("search_catalog", {"query": "whales", "k": 1})
        if result.isError or not (result.structuredContent or {}).get("items"):
            said = " ".join(getattr(part, "text", "") for part in result.content)
            raise CheckError(f"search_catalog failed: {said[:300]}", "Run: bethink tools call search_catalog")
        return f"{len(tools)} tools; search_catalog answered"

    with tempfile.TemporaryDirectory(prefix="bethink-doctor-") as folder:
        try:
            return anyio.run(call, folder)
        except TimeoutError as problem:
            raise CheckError(f"No answer within {MCP_S:.0f} s.", "See bethink.log in the data folder.") from problem
