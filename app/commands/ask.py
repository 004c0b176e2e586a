"""``bethink ask``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from bethink.app.output import as_json, fail, progress, stderr


def run_ask(
    text: str,
    *,
    model: str | None,
    data: Path | None,
    user: str | None,
    thread: str | None,
    memory: bool,
    approve: bool = False,
) -> None:
    """Ask once; the answer streams to stdout, what was recalled and what it cost go to stderr."""
    from bethink.app.build import open_agent
    from bethink.app.settings import load_settings

    if not text.strip():
        fail("The message is empty.", 'Example: bethink ask "What is a thought?"', code=2)
    settings = load_settings(model=model, data=data, user=user)
    agent = open_agent(settings)
    try:
        with progress(f"Loading {settings.model} …") as report:
            _load(agent, report)
        thread_id = thread or agent.threads.create(settings.user).id
        result = _stream(agent, text, settings.user, thread_id, memory, approve)
    finally:
        agent.close()
    if as_json():
        print(json.dumps(result, ensure_ascii=False))
    if result["status"] != "complete":
        raise typer.Exit(1)


def _load(agent: Any, report: Any) -> None:
    import threading

    worker = threading.Thread(target=agent.warm_up, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.1)
        status = agent.status()
        report(status["done"], status["message"])
    if agent.status()["state"] == "error":
        fail(agent.status()["message"], "bethink doctor says more.")


def _stream(agent: Any, text: str, user_id: str, thread_id: str, memory: bool, approve: bool) -> dict[str, Any]:
    quiet = as_json()
    result: dict[str, Any] = {
        "thread_id": thread_id,
        "recalled": [],
        "tools": [],
        "usage": {},
        "remembered": [],
    }
    for event in agent.stream(text, user_id=user_id, thread_id=thread_id, memory=memory, approve=approve):
        data = event.as_dict()
        if event.kind == "Token" and not quiet:
            print(event.text, end="", flush=True)
        elif event.kind == "Recall":
            result["recalled"] = event.thoughts
            if event.thoughts:
                stderr.print(f"[dim]recalled {len(event.thoughts)}: {event.thoughts[0]['text']}[/]", highlight=False)
        elif event.kind == "ToolEnd":
            result["tools"].append(data)
            stderr.print(f"[dim]{event.name}: {event.seconds:.1f} s[/]", highlight=False)
        elif event.kind == "MemoryWrite":
            result["remembered"] = event.changes
        elif event.kind == "Usage":
            result["usage"] = data
        elif event.kind == "Error":
            result["error"] = {"message": event.message, "hint": event.hint}
            stderr.print(f"[red]Error:[/] {event.message} {event.hint}", highlight=False, soft_wrap=True)
        elif event.kind == "Done":
            result |= {"text": event.text, "status": event.status}
    if not quiet:
        print(flush=True)
        usage = result["usage"]
        if usage:
            stderr.print(
                f"[dim]{usage['tokens_in']} in ({usage['tokens_in_cached']} kept), {usage['tokens_out']} out, "
                f"{usage['seconds']:.1f} s | thread {thread_id}[/]",
                highlight=False,
            )
    return result
