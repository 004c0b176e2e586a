"""A small real server of the chat-completions API on loopback: the default model under several names, as vLLM serves a
base and its adapters. It streams in vLLM's manner: a call's name first, its arguments in pieces, the usage last."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from langchain_core.messages import AIMessage, convert_to_messages

from bethink.models.chat import ChatLocal

PIECE = 5
"""Characters of arguments in one piece."""


@dataclass
class Served:
    """Where the server is, and every request that it got. ``eager``: after a question a tool is called, if any.

    ``key`` is asked of clients; ``parses`` is whether it was started for tools.
    """

    url: str
    eager: bool = False
    key: str = ""
    parses: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def openai_server(model: ChatLocal, names: Sequence[str]) -> Iterator[Served]:
    """The server in a thread of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    served = Served(f"http://127.0.0.1:{port}/v1")
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        body = await request.json()
        served.asked.append(body)
        if body["model"] not in names:
            told = {"message": f"The model `{body['model']}` does not exist.", "type": "NotFoundError", "code": 404}
            return JSONResponse({"error": told}, 404)
        if served.key and request.headers.get("authorization") != f"Bearer {served.key}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        problem = _unanswered(body["messages"])
        if body.get("tools") and not served.parses:
            problem = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        if problem:
            return JSONResponse({"error": {"message": problem, "type": "BadRequestError", "code": 400}}, 400)
        chunks = _chunks(model, body, served.eager)
        if body.get("stream"):
            lines = (f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
            return StreamingResponse(_ended(lines), media_type="text/event-stream")
        return JSONResponse(_whole(list(chunks)))

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.02)
        yield served
    finally:
        server.should_exit = True
        thread.join(30)


def _unanswered(messages: list[dict[str, Any]]) -> str:
    """As servers demand: a tool's answer names a call that was made before it."""
    made: set[str] = set()
    for message in messages:
        made |= {call["id"] for call in message.get("tool_calls") or []}
        if message["role"] == "tool" and message.get("tool_call_id") not in made:
            return f"tool_call_id {message.get('tool_call_id')!r} answers no call"
    return ""


def _ended(lines: Iterator[str]) -> Iterator[str]:
    yield from lines
    yield "data: [DONE]\n\n"


def _chunks(model: ChatLocal, body: dict[str, Any], eager: bool) -> Iterator[dict[str, Any]]:
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": "chat.completion.chunk", "created": int(time.time())}
    head["model"] = body["model"]

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    choice = body.get("tool_choice")
    if eager and body.get("tools") and body["messages"][-1]["role"] == "user":
        choice = "required"
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    bound = model.bind_tools(body["tools"], tool_choice=choice) if body.get("tools") else model
    yield chunk({"role": "assistant", "content": ""})
    usage: dict[str, Any] = {}
    reason = "stop"
    for part in bound.stream(convert_to_messages(body["messages"]), max_new_tokens=limit):
        assert isinstance(part, AIMessage)
        if part.text:
            yield chunk({"content": str(part.text)})
        for call in part.tool_call_chunks:
            reason = "tool_calls"
            named = {"index": call["index"], "id": call["id"], "type": "function"}
            yield chunk({"tool_calls": [{**named, "function": {"name": call["name"], "arguments": ""}}]})
            for start in range(0, len(call["args"]), PIECE):
                piece = {"arguments": call["args"][start : start + PIECE]}
                yield chunk({"tool_calls": [{"index": call["index"], "function": piece}]})
        if part.usage_metadata:
            told = part.usage_metadata
            usage = {
                "prompt_tokens": told["input_tokens"],
                "completion_tokens": told["output_tokens"],
                "total_tokens": told["total_tokens"],
            }
    yield chunk({}, reason)
    if not body.get("stream") or (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": usage}


def _whole(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The chunks as one answer."""
    text, calls, reason = "", list[dict[str, Any]](), None
    for chunk in chunks[:-1]:
        (choice,) = chunk["choices"]
        delta, reason = choice["delta"], choice["finish_reason"]
        text += delta.get("content") or ""
        for call in delta.get("tool_calls") or []:
            if "id" in call:
                calls.append({key: value for key, value in call.items() if key != "index"})
            else:
                calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {**chunks[0], "object": "chat.completion", "choices": [choice], "usage": chunks[-1]["usage"]}
