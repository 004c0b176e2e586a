"""A turn's events as chunks of a chat completion, and chunks as the whole of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

from bethink.agents.events import Done, Error, Event, MemoryWrite, Recall, Token, ToolEnd, ToolStart, Usage
from bethink.app.openai_api.errors import APIError

_STATUS = {"invalid": 400, "unreachable": 503, "timeout": 504}
MAX_TOLD = 500
"""Characters told of one tool call in the reasoning."""


async def chunks_of(
    events: AsyncIterator[Event], model: str, client_tools: Iterable[str], include_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    """Chunks as OpenAI streams them.

    What the agent does inside (thoughts recalled, its tools) is told as ``reasoning_content``, and summed up under
    ``bethink`` in the last chunk with a choice. Calls of the client's tools are ``tool_calls``.

    Raises:
        APIError: the turn failed.
    """
    names, calls = frozenset(client_tools), 0
    inside: dict[str, Any] = {"recalled": [], "tool_calls": [], "remembered": []}
    usage, done = Usage(), Done()
    base = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }

    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}], **more}

    yield chunk({"role": "assistant", "content": ""})
    async for event in events:
        match event:
            case Token(text=text):
                yield chunk({"content": text})
            case ToolStart(name=name) if name in names:
                yield chunk({"tool_calls": [_call(event, calls)]})
                calls += 1
            case Recall(thoughts=thoughts):
                inside["recalled"] = thoughts
            case ToolEnd():
                inside["tool_calls"].append({"name": event.name, "ok": event.ok, "seconds": round(event.seconds, 3)})
            case MemoryWrite(changes=changes):
                inside["remembered"] = changes
            case Usage():
                usage = event
            case Error():
                raise APIError(_STATUS.get(event.code, 500), f"{event.message} {event.hint}".strip(), code=event.code)
            case Done():
                done = event
        if told := reasoning(event, names):
            yield chunk({"reasoning_content": told})
    inside |= {"seconds": usage.seconds, "energy_j": usage.energy_j, "energy_backend": usage.energy_backend}
    yield chunk({}, "tool_calls" if calls else "length" if done.finish_reason == "length" else "stop", bethink=inside)
    if include_usage:
        yield {**base, "choices": [], "usage": tokens(usage)}


def reasoning(event: Event, client_tools: frozenset[str]) -> str:
    """What is told of a step inside, with a line break after it; empty where there is nothing to tell."""
    if isinstance(event, Recall) and event.thoughts:
        return "Recalled:\n" + "".join(f"- {one['text']} [{one['date']}]\n" for one in event.thoughts)
    if isinstance(event, ToolStart) and event.name not in client_tools:
        return f"Calls {event.name} {json.dumps(event.arguments, ensure_ascii=False)}"[:MAX_TOLD] + "\n"
    if isinstance(event, ToolEnd):
        error = event.result.get("error") or {}
        said = str(event.result.get("summary") or f"{error.get('message', '')} {error.get('hint', '')}".strip())
        return f"{event.name}: {said}"[:MAX_TOLD] + "\n"
    return ""


async def whole(chunks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """The chat completion that the chunks are the pieces of."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
    made: dict[str, Any] = {}
    async for chunk in chunks:
        made = {**made, **{key: value for key, value in chunk.items() if key != "choices"}}
        for choice in chunk["choices"]:
            delta, made["finish_reason"] = choice["delta"], choice["finish_reason"]
            for key in ("content", "reasoning_content"):
                if delta.get(key):
                    message[key] = message.get(key, "") + delta[key]
            for call in delta.get("tool_calls", []):
                message.setdefault("tool_calls", []).append({k: v for k, v in call.items() if k != "index"})
    if message.get("tool_calls") and not message["content"]:
        message["content"] = None
    reason = made.pop("finish_reason")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {**made, "object": "chat.completion", "choices": [choice]}


def tokens(usage: Usage) -> dict[str, Any]:
    """Tokens of all model calls of the turn."""
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.tokens_in_cached},
    }


def _call(start: ToolStart, index: int) -> dict[str, Any]:
    function = {"name": start.name, "arguments": json.dumps(start.arguments, ensure_ascii=False)}
    return {"index": index, "id": start.call_id, "type": "function", "function": function}
