"""A turn's events from what LangGraph streams, and what the turn cost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bethink.agents.events import Event, Recall, Token, ToolEnd, ToolProgress, ToolStart, Usage, Waiting


@dataclass
class TurnCost:
    """Adds up the records of a turn's spans."""

    start: float
    first_token_s: float | None = None
    finish_reason: str = "stop"
    records: list[dict[str, Any]] = field(default_factory=list)

    def note(self, update: dict[str, Any]) -> None:
        """Note why the model ended, where an update has its message."""
        for message in update.get("messages", []):
            if message.type == "ai":
                self.finish_reason = str(message.response_metadata.get("finish_reason") or "stop")

    def usage(self) -> Usage:
        """What the turn has cost so far."""
        records = self.records

        def total(name: str, *, kinds: tuple[str, ...] = ("model", "tool", "memory")) -> Any:
            """The sum of what is known; None where nothing is."""
            values = [each[name] for each in records if each["kind"] in kinds and each[name] is not None]
            return sum(values) if values else None

        spent = sum(total(name, kinds=("memory",)) or 0 for name in ("tokens_in", "tokens_out"))
        saved = total("tokens_avoided")
        sources = dict.fromkeys(each["ci_source"] for each in records)
        return Usage(
            tokens_in=int(total("tokens_in") or 0),
            tokens_in_cached=int(total("tokens_in_cached") or 0),
            tokens_out=int(total("tokens_out") or 0),
            seconds=time.perf_counter() - self.start,
            first_token_s=self.first_token_s,
            cpu_s=total("t_cpu_s") or 0.0,
            energy_j=total("energy_j"),
            energy_backend=" and ".join(dict.fromkeys(_source(each) for each in records)) or "none",
            error_class="measured" if {each["error_class"] for each in records} == {"measured"} else "estimated",
            co2e_g=total("co2e_g"),
            ci_source=", ".join(sources),
            flops=total("flops"),
            tokens_avoided=None if saved is None else saved - spent,
            would_overflow=any(each["would_overflow"] for each in records),
        )


def _source(span: dict[str, Any]) -> str:
    """Where a record's joules are from, in words."""
    if span["energy_j"] is None:
        return "nothing (the model runs elsewhere and its joules a token are not set)"
    return f"{span['energy_backend']} ({span['error_class']})"


def custom_events(data: dict[str, Any], calls: dict[str, tuple[str, float]], cost: TurnCost) -> Iterator[Event]:
    """What middlewares and tools wrote to the custom stream."""
    if "span" in data:
        cost.records.append(data["span"])
    if "recall" in data:
        yield Recall(**data["recall"])
    elif "waiting" in data:
        yield Waiting(before=int(data["waiting"]))
    elif "tool_progress" in data:
        progress = data["tool_progress"]
        call_id = next((key for key, (name, _) in calls.items() if name == progress["name"]), "")
        yield ToolProgress(call_id=call_id, done=float(progress["done"]), message=str(progress["message"]))


def tell_waiting(before: int) -> None:
    """Put onto the custom stream of the run around this call how many answers are written first."""
    from langgraph.config import get_stream_writer

    get_stream_writer()({"waiting": before})


def token_events(data: tuple[Any, dict[str, Any]], seen: set[str], cost: TurnCost) -> Iterator[Event]:
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
    if cost.first_token_s is None:
        cost.first_token_s = time.perf_counter() - cost.start
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
