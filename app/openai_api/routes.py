"""``/v1/models`` and ``/v1/chat/completions`` as a router for any FastAPI application."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse

from bethink.app.openai_api.answers import chunks_of, whole
from bethink.app.openai_api.errors import APIError, OpenAIRoute
from bethink.app.openai_api.requests import MODELS, ChatRequest, conversation_of

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.agents.events import Event

TURNS = 4
"""Turns of one user at a time."""
ERROR: dict[str, Any] = {
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}}
        }
    }
}
STREAMED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
TOLD = {400: "Wrong request.", 401: "Who asks?", 404: "No such model.", 413: "Too large.", 429: "Too many at once."}
ERRORS: dict[int | str, dict[str, Any]] = {status: {"description": told, **ERROR} for status, told in TOLD.items()}


def openai_router(
    agent: Agent, user_of: Callable[[Request], str] | None = None, *, default_user: str = "me"
) -> APIRouter:
    """The routes under ``/v1``.

    Args:
        agent: what answers.
        user_of: who asks, by the request's token, say; raises an HTTP error (401) where nobody does. It may block.
        default_user: who asks where there is no ``user_of``.
    """
    router = APIRouter(prefix="/v1", route_class=OpenAIRoute, responses=ERRORS)
    running: Counter[str] = Counter()
    lock = threading.Lock()

    def who(request: Request) -> str:
        return default_user if user_of is None else user_of(request)

    asks = Depends(who)

    def take(user_id: str) -> None:
        with lock:
            if running[user_id] >= TURNS:
                told = f"{TURNS} answers are being written already. Wait for one of them."
                raise APIError(429, told, headers={"Retry-After": "5"})
            running[user_id] += 1

    def release(user_id: str) -> None:
        with lock:
            running[user_id] -= 1
            if not running[user_id]:
                del running[user_id]

    @router.get("/models")
    def models(user_id: str = asks) -> dict[str, Any]:
        return {"object": "list", "data": [_model(name) for name in MODELS]}

    @router.get("/models/{name}")
    def model(name: str, user_id: str = asks) -> dict[str, Any]:
        if name not in MODELS:
            raise APIError(404, f"There is no model {name[:100]!r}. There are: {', '.join(MODELS)}.")
        return _model(name)

    @router.post("/chat/completions", response_model=None)
    async def complete(asked: ChatRequest, request: Request, user_id: str = asks) -> JSONResponse | StreamingResponse:
        conversation = conversation_of(asked, [tool.name for tool in agent.tools])
        take(user_id)
        cancel = threading.Event()
        turn = agent.reply(conversation, user_id=user_id, memory=asked.memory, cancel=cancel)
        events = events_of(turn, cancel, lambda: release(user_id))
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            chunks = chunks_of(events, asked.model, conversation.tool_names, usage)
            return StreamingResponse(_lines(chunks, cancel), media_type="text/event-stream", headers=STREAMED)
        watch = asyncio.create_task(_watch(request, cancel))
        try:
            return JSONResponse(await whole(chunks_of(events, asked.model, conversation.tool_names, True)))
        finally:
            watch.cancel()
            cancel.set()

    @router.get("/openapi.json", include_in_schema=False)
    def document() -> dict[str, Any]:
        from importlib.metadata import version

        from fastapi.openapi.utils import get_openapi

        return get_openapi(title="Bethink", version=version("bethink"), routes=router.routes)

    return router


def events_of(turn: Iterator[Event], cancel: threading.Event, ended: Callable[[], None]) -> AsyncIterator[Event]:
    """The events of a turn that runs in a thread of its own from now on.

    Whoever stops listening cancels it. ``ended`` is called when it is over, which a running tool may put off.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Queue["Event | BaseException | None"]()

    def tell(item: Event | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(news.put_nowait, item)

    def run() -> None:
        try:
            for event in turn:
                tell(event)
            tell(None)
        except BaseException as problem:
            tell(problem)
        finally:
            ended()

    async def listen() -> AsyncIterator[Event]:
        try:
            while (item := await news.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            cancel.set()

    threading.Thread(target=run, name="openai-turn", daemon=True).start()
    return listen()


async def _lines(chunks: AsyncIterator[dict[str, Any]], cancel: threading.Event) -> AsyncIterator[str]:
    """Chunks as server-sent events. What fails on the way is told in the stream: its status has been sent."""
    try:
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    except APIError as problem:
        yield f"data: {json.dumps(problem.as_dict(), ensure_ascii=False)}\n\n"
    finally:
        cancel.set()
    yield "data: [DONE]\n\n"


async def _watch(request: Request, cancel: threading.Event) -> None:
    """Cancel when the client has gone: after the body, that is the only message there is."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    cancel.set()


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "bethink"}
