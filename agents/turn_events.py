"""A turn's events from what LangGraph streams, and what the turn cost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bethink.agents.events import Event, Recall, Token, ToolEnd, ToolProgress, ToolStart, Usage


@dataclass
class Meter:
    """Adds up the spans of a turn."""

    start: float
    first_token_s: float | None = None
    total: dict[str, float] = field(default_factory=dict)
    backend: str = ""
    finish_reason: str = "stop"

    def add(self, span: dict[str, Any]) -> None:
        """Add one span."""
        for key in ("tokens_in", "tokens_in_cached", "tokens_out", "cpu_s", "energy_j"):
            self.total[key] = self.total.get(key, 0) + (span[key] or 0)
        self.backend = span["energy_backend"]

    def note(self, update: dict[str, Any]) -> None:
        """Note why the model ended, where an update has its message."""
        for message in update.get("messages", []):
            if message.type == "ai":
                self.finish_reason = str(message.response_metadata.get("finish_reason") or "stop")

    def usage(self) -> Usage:
        """What the turn has cost so far."""
        total = self.total
        return Usage(
            tokens_in=int(total.get("tokens_in", 0)),
            tokens_in_cached=int(total.get("tokens_in_cached", 0)),
            tokens_out=int(total.get("tokens_out", 0)),
            seconds=time.perf_counter() - self.start,
            first_token_s=self.first_token_s,
            cpu_s=total.get("cpu_s", 0.0),
            energy_j=total.get("energy_j"),
            energy_backend=self.backend or "none",
        )


def custom_events(data: dict[str, Any], calls: dict[str, tuple[str, float]], meter: Meter) -> Iterator[Event]:
    """What middlewares and tools wrote to the custom stream."""
    if "recall" in data:
        yield Recall(**data["recall"])
    elif "span" in data:
        meter.add(data["span"])
    elif "tool_progress" in data:
        progress = data["tool_progress"]
        call_id = next((key for key, (name, _) in calls.items() if name == progress["name"]), "")
        yield ToolProgress(call_id=call_id, done=float(progress["done"]), message=str(progress["message"]))


def token_events(data: tuple[Any, dict[str, Any]], seen: set[str], meter: Meter) -> Iterator[Event]:
    """What the model says."""
    from langchain_core.messages import AIMessage, AIMessageChunk

    message, metadata = data
    if metadata.get("langgraph_node") != "model" or not isinstance(message, AIMessage):
        return
    text, ident = str(message.text), message.id or ""
    whole = not isinstance(message, AIMessageChunk)
    if not text or (whole and ident in seen):
        return
    seen.add(ident)
    if meter.first_token_s is None:
        meter.first_token_s = time.perf_counter() - meter.start
    yield Token(text=text)


def call_events(update: dict[str, Any], calls: dict[str, tuple[str, float]]) -> Iterator[Event]:
    """Tool calls that begin and end; ``calls`` keeps those that run."""
    from langchain_core.messages import AIMessage, ToolMessage

    for message in update.get("messages", []) if isinstance(update, dict) else []:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                ident = call["id"] or ""
                calls[ident] = (call["name"], time.perf_counter())
                yield ToolStart(call_id=ident, name=call["name"], arguments=call["args"])
        elif isinstance(message, ToolMessage) and message.tool_call_id in calls:
            name, start = calls.pop(message.tool_call_id)
            artifact = message.artifact
            result = artifact.as_dict() if artifact is not None else _plain_error(message)
            ok = artifact.ok if artifact is not None else False
            seconds = artifact.seconds if artifact is not None else time.perf_counter() - start
            yield ToolEnd(call_id=message.tool_call_id, name=name, result=result, seconds=seconds, ok=ok)


def past_calls(events: list[dict[str, Any]]) -> list[Any]:
    """The calls of a stored turn that ended well, each with the summary of its result, as LangChain's messages."""
    from langchain_core.messages import AIMessage, ToolMessage

    started = {event["call_id"]: event for event in events if event["kind"] == "ToolStart"}
    found: list[Any] = []
    for event in events:
        if event["kind"] == "ToolEnd" and event["ok"] and (begun := started.get(event["call_id"])):
            ident, name = event["call_id"], event["name"]
            found.append(AIMessage("", tool_calls=[{"name": name, "args": begun["arguments"], "id": ident}]))
            told = json.dumps({"summary": event["result"].get("summary", "Done.")}, ensure_ascii=False)
            found.append(ToolMessage(told, name=name, tool_call_id=ident))
    return found


def _plain_error(message: Any) -> dict[str, Any]:
    return {
        "error": {
            "code": "invalid_input",
            "message": str(message.text)[:2000],
            "hint": "See the tool's schema.",
        }
    }
