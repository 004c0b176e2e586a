"""Memory and metering as two LangChain middlewares that go into anybody's ``create_agent``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr, ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command

from bethink.agents.avoided import Avoided, avoided
from bethink.agents.prompts import quoted_recall
from bethink.agents.routing import is_tools_own
from bethink.agents.threads import now
from bethink.models.energy import Span, record

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory


class MemoryState(AgentState[Any]):
    """The agent's state with what was recalled for this run."""

    recalled: NotRequired[Annotated[list[dict[str, Any]], PrivateStateAttr]]


@dataclass(frozen=True)
class Turn:
    """What there is to think about after an answer."""

    user_id: str
    session_id: str | None
    turn_id: str | None
    query: str
    response: str
    timestamp: str


class MemoryMiddleware(AgentMiddleware[MemoryState, Any, Any]):
    """Recall before the first model call, post-think after the last.

    The user comes from the run's context (never from the model): its ``user_id``, attribute or dictionary entry, or
    what ``user_of`` makes of it. ``memory`` set to False there turns the memory off for a run; ``thread_id`` and
    ``turn_id`` are noted with what is learned, where there are any. Recalled thoughts are put before the user's words
    as a quoted block, for the model only: the state's messages stay as they were. They are also written to the custom
    stream as ``{"recall": {...}, "span": {...}}``, with what it cost.

    Args:
        memory: the thought memory.
        k: thoughts recalled at most.
        max_tokens: room for them.
        min_score: thoughts whose cosine is lower are left out.
        post_think: what to do with a finished turn; None reads it into the memory at once, in this thread.
        user_of: the user of a context that has no ``user_id``.
    """

    state_schema = MemoryState

    def __init__(
        self,
        memory: ThoughtMemory,
        *,
        k: int = 5,
        max_tokens: int = 512,
        min_score: float = 0.25,
        post_think: Callable[[Turn], None] | None = None,
        user_of: Callable[[Any], str] | None = None,
    ) -> None:
        super().__init__()
        self.memory, self.k, self.max_tokens, self.min_score = memory, k, max_tokens, min_score
        self.post_think = post_think or (lambda turn: _think_now(memory, turn))
        self.user_of = user_of or (lambda context: _entry(context, "user_id"))

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall thoughts for the last user message."""
        context, query = runtime.context, _last_user_text(state["messages"])
        if not _memory_on(context) or not query.strip():
            return {"recalled": []}
        with Span("recall", "memory", parent=_entry(context, "span")) as span:
            hits = self.memory.search(
                query, user_id=self._user(context), k=self.k, max_tokens=self.max_tokens, min_score=self.min_score
            )
        recalled = [
            {
                "id": hit.thought.id,
                "text": hit.thought.text,
                "score": round(float(hit.score), 3),
                "date": (hit.thought.valid_at or hit.thought.created_at)[:10],
            }
            for hit in hits
        ]
        runtime.stream_writer({"recall": {"thoughts": recalled, "seconds": span.wall_s}, "span": record(span)})
        return {"recalled": recalled}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """As :meth:`before_agent`, off the event loop."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model the recalled thoughts, quoted."""
        return handler(_with_recall(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """As :meth:`wrap_model_call`."""
        return await handler(_with_recall(request))

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Hand the finished turn to post-thinking."""
        context, messages = runtime.context, state["messages"]
        query = _last_user_text(messages)
        if _memory_on(context) and query.strip():
            session, turn = _entry(context, "thread_id"), _entry(context, "turn_id")
            self.post_think(Turn(self._user(context), session, turn, query, _answer(messages), now()))
        return None

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """As :meth:`after_agent`, off the event loop."""
        return await asyncio.to_thread(self.after_agent, state, runtime)

    def _user(self, context: Any) -> str:
        user = self.user_of(context)
        if not user:
            told = "The memory needs context.user_id: pass context=Context(user_id=...) when you run the agent."
            raise ValueError(f"{told} If the user stands elsewhere in your context, pass user_of to MemoryMiddleware.")
        return str(user)


class MeteringMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Measure every model and tool call.

    Each becomes a record (:func:`bethink.models.energy.record`) on the custom stream as ``{"span": record}``, or given
    to ``on_span``. The run's context may name the ``span`` of the turn that they are part of, and as ``earlier`` the
    messages that the prompt leaves out: what that avoids is in the records, too.
    """

    def __init__(self, on_span: Callable[[dict[str, Any]], None] | None = None) -> None:
        super().__init__()
        self.on_span = on_span

    def _emit(self, runtime: Any, found: dict[str, Any]) -> None:
        if self.on_span is not None:
            self.on_span(found)
        else:
            runtime.stream_writer({"span": found})

    @contextmanager
    def _measured(self, name: str, kind: str, runtime: Any) -> Iterator[Span]:
        """A span of the run's turn; where it fails or is cancelled, what it cost is told all the same."""
        span = Span(name, kind, parent=_entry(runtime.context, "span"))
        try:
            with span:
                yield span
        except BaseException:
            self._emit(runtime, record(span))
            raise

    def _model_called(self, request: ModelRequest[Any], span: Span, response: ModelResponse[Any]) -> None:
        earlier = _entry(request.runtime.context, "earlier") or ()
        self._emit(request.runtime, _of_model(request, span, response, earlier))

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Measure a model call."""
        with self._measured(_name(request.model), "model", request.runtime) as span:
            response = handler(request)
        self._model_called(request, span, response)
        return response

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """As :meth:`wrap_model_call`."""
        with self._measured(_name(request.model), "model", request.runtime) as span:
            response = await handler(request)
        self._model_called(request, span, response)
        return response

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Measure a tool call."""
        with self._measured(str(request.tool_call["name"])[:64], "tool", request.runtime) as span:
            result = handler(request)
        self._emit(request.runtime, record(_judged(span, result)))
        return result

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """As :meth:`wrap_tool_call`."""
        with self._measured(str(request.tool_call["name"])[:64], "tool", request.runtime) as span:
            result = await handler(request)
        self._emit(request.runtime, record(_judged(span, result)))
        return result


def _name(model: Any) -> str:
    return str(getattr(model, "model_name", type(model).__name__))


def _judged(span: Span, result: ToolMessage | Command[Any]) -> Span:
    failed = getattr(result, "status", "") == "error" or getattr(getattr(result, "artifact", None), "error", None)
    span.ok = span.ok and not failed
    return span


def _of_model(
    request: ModelRequest[Any], span: Span, response: ModelResponse[Any], earlier: Sequence[AnyMessage]
) -> dict[str, Any]:
    """The record of a model call: with tokens, operations and what was avoided, where these are known."""
    model: Any = request.model
    usage: Any = {}
    for message in response.result if isinstance(response, ModelResponse) else [response]:
        usage = getattr(message, "usage_metadata", None) or usage
    span.tokens_in, span.tokens_out = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    span.tokens_in_cached = (usage.get("input_token_details") or {}).get("cache_read", 0) or 0
    saved = Avoided()
    if usage:  # a router may have answered in the model's place
        shape = getattr(model, "shape", None)
        if shape is not None:
            span.flops = shape.generation(span.tokens_in, span.tokens_out, span.tokens_in_cached)
        saved = avoided(request, span.tokens_in, earlier)
    remote, price = bool(getattr(model, "lc_secrets", None)), span.meter.remote_j_per_token
    joules = price[0] * span.tokens_in + price[1] * span.tokens_out if price is not None else None
    return record(
        span,
        device="remote" if remote else str(getattr(model, "device", "cpu")),
        remote_j=joules,
        tokens_avoided=saved.tokens,
        would_overflow=saved.would_overflow,
    )


def _with_recall(request: ModelRequest[Any]) -> ModelRequest[Any]:
    recalled: Any = request.state.get("recalled") or []
    place = next(
        (i for i in range(len(request.messages) - 1, -1, -1) if isinstance(request.messages[i], HumanMessage)),
        -1,
    )
    if not recalled or place < 0:
        return request
    messages = list(request.messages)
    asked = messages[place]
    content: Any = quoted_recall(recalled, str(asked.text))
    if not isinstance(asked.content, str):  # images and files stay as they are
        content = [{"type": "text", "text": quoted_recall(recalled, "").strip()}, *asked.content]
    messages[place] = asked.model_copy(update={"content": content})
    return request.override(messages=messages)


def _last_user_text(messages: list[AnyMessage]) -> str:
    return next((str(message.text) for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def _answer(messages: Sequence[AnyMessage]) -> str:
    """What the model said last since the user spoke; empty where a tool's result or structured data is the answer."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and message.text:
            return "" if is_tools_own(message) else str(message.text)
    return ""


def _entry(context: Any, name: str) -> Any:
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)


def _memory_on(context: Any) -> bool:
    wanted = _entry(context, "memory")
    return wanted is None or bool(wanted)


def _think_now(memory: ThoughtMemory, turn: Turn) -> None:
    memory.add(
        [{"role": "user", "content": turn.query}, {"role": "assistant", "content": turn.response}],
        user_id=turn.user_id,
        session_id=turn.session_id,
        turn_id=turn.turn_id,
        timestamp=turn.timestamp,
    )
