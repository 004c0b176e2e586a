"""``bethink doctor``: what is here, what is amiss, and how to mend it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from bethink.app.output import emit, stderr

PACKAGES = (
    "torch",
    "transformers",
    "langchain",
    "langgraph",
    "gradio",
    "chromadb",
    "sentence-transformers",
    "llguidance",
)


def run_doctor(*, data: Path | None, model: str | None) -> None:
    """Print every check; exit code 1 when one failed."""
    from bethink.app.settings import load_settings

    settings = load_settings(data=data, model=model)
    checks: list[dict[str, Any]] = []

    def check(name: str, probe: Callable[[], str]) -> None:
        try:
            checks.append({"check": name, "ok": True, "detail": probe(), "hint": ""})
        except Exception as problem:
            checks.append({"check": name, "ok": False, "detail": f"{problem}", "hint": getattr(problem, "hint", "")})

    check("python", _python)
    for package in PACKAGES:
        check(package, partial(_package, package))
    check("model", lambda: _model(settings.model))
    check("embedder", lambda: str(_embedder()))
    check("data folder", lambda: _folder(settings.data))
    check("thoughts", lambda: _thoughts(settings.memory_server))
    check("memory and disk", lambda: _room(settings.data))
    check("port", lambda: _port(settings.host, settings.port))
    check("processor", _processor)
    check("energy", _energy)
    good = all(item["ok"] for item in checks)

    def show() -> None:
        for item in checks:
            mark = "[green]ok [/]" if item["ok"] else "[red]bad[/]"
            stderr.print(f"{mark} {item['check']}: {item['detail']} {item['hint']}", highlight=False, soft_wrap=True)
        print("All is well." if good else "Something needs mending: see above.")

    emit({"ok": good, "checks": checks}, show)
    raise typer.Exit(0 if good else 1)


def _python() -> str:
    return sys.version.split()[0]


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError as problem:
        raise RuntimeError(f"{name} is not installed. Run: make install, or pip install bethink") from problem


def _model(spec: str) -> str:
    from bethink.models.registry import load_chat_model

    load_chat_model(spec)
    return spec


def _embedder() -> str:
    from bethink.models.embedder import minilm_folder

    return str(minilm_folder().name) + " found"


def _folder(path: Path) -> str:
    from bethink.app.build import data_folder

    return str(data_folder(path))


def _thoughts(server: str) -> str:
    if not server:
        return "in the data folder"
    from bethink.memory.server import chroma_server

    chroma_server(server, 1).close()
    return f"on the Chroma server at {server}"


def _room(path: Path) -> str:
    base = path.expanduser()
    while not base.exists():
        base = base.parent
    free = shutil.disk_usage(base).free / 1e9
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if free < 1:
        raise RuntimeError(f"Only {free:.1f} GB of disk are free; the converted model alone needs 0.3 GB.")
    return f"{memory:.0f} GB of memory, {free:.0f} GB of disk free"


def _port(host: str, port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return f"{port} is in use; chat takes the next free one"
    return f"{port} is free"


def _energy() -> str:
    from bethink.models.energy import process_meter
    from bethink.models.energy.counters import missing_counters

    meter = process_meter()
    source = f", {meter.processor.source}" if meter.watts_per_core else ""
    return "; ".join([f"{meter.backend} ({meter.error_class}{source})", *missing_counters()])


def _processor() -> str:
    import torch

    accelerator = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ", no GPU"
    return f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}{accelerator}"
