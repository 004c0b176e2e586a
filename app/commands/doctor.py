"""``bethink doctor``: what is here, what is amiss, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bethink.app.output import emit, stderr

if TYPE_CHECKING:
    from bethink.app.settings import Settings

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
    from rich.markup import escape

    from bethink.app.settings import load_settings

    settings = load_settings(data=data, model=model)
    found = [checked(name, probe) for name, probe in probes(settings)]
    good = all(item["ok"] for item in found)

    def show() -> None:
        for item in found:
            mark = "[green]ok [/]" if item["ok"] else "[red]bad[/]"
            told = escape(f"{item['check']}: {item['detail']} {item['hint']}".rstrip())
            stderr.print(f"{mark} {told}", highlight=False, soft_wrap=True)
        print("All is well." if good else "Something needs mending: see above.")

    emit({"ok": good, "checks": found}, show)
    raise typer.Exit(0 if good else 1)


def probes(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """All checks by name, in the order they are told."""
    from bethink.app import checks, data_checks

    told: dict[str, Callable[[Settings], str]] = {
        "python": checks.python,
        "pins": checks.pins,
        "model": checks.model,
        "embedder": checks.embedder,
        "data folder": data_checks.folder,
        "privacy": data_checks.private,
        "secrets": data_checks.secrets,
        "thoughts": data_checks.thoughts,
        "chats": data_checks.chats,
        "run state": data_checks.run_state,
        "disk": checks.disk,
        "memory": checks.memory,
        "processor": checks.processor,
        "energy": checks.energy,
        "port": checks.port,
        "network": data_checks.network,
        "mcp": checks.mcp_call,
    }
    packages = [(name, partial(checks.package, name)) for name in PACKAGES]
    return [*packages, *((name, partial(probe, settings)) for name, probe in told.items())]


def checked(name: str, probe: Callable[[], str]) -> dict[str, Any]:
    """One check: ``{"check", "ok", "detail", "hint"}``. Whatever it raises is told as what is amiss."""
    try:
        return {"check": name, "ok": True, "detail": probe(), "hint": ""}
    except Exception as problem:
        said = " ".join(str(problem).split()) or type(problem).__name__
        return {"check": name, "ok": False, "detail": said, "hint": str(getattr(problem, "hint", ""))}
