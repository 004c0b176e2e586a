"""A LangChain chat model over a local transformers model: streaming, tools, cancel, usage.

LangChain's own wrapper of a local pipeline drops bound tools; this one passes them through the model's chat template
where the family has a place for them, and through our own format where it has not. Tool calls are decoded under the
grammar of their JSON schemas.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from bethink.models.energy import current
from bethink.models.grammar import CALL_START, JsonConstraint, ToolTrigger, tokenizer_for
from bethink.models.said import said_only
from bethink.models.tool_format import as_template_messages, parse_calls, template_takes_tools

if TYPE_CHECKING:
    from bethink.models.energy.flops import Shape
    from bethink.models.engine import Engine


class Cancelled(Exception):
    """Somebody pressed stop."""


class CancelHandler(BaseCallbackHandler):
    """Stops any chat model at its next token once ``event`` is set; ChatLocal heeds it within a long prompt too.

    ``waiting`` is told by ChatLocal how many answers are written before this one.
    """

    raise_error = True

    def __init__(self, event: threading.Event, waiting: Callable[[int], None] | None = None) -> None:
        self.event, self.waiting = event, waiting

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Raise :class:`Cancelled` when the event is set."""
        if self.event.is_set():
            raise Cancelled


class ChatLocal(BaseChatModel):
    """A local model as a LangChain chat model.

    ``open_engine`` is called once, at the first use, so that building an agent does not load weights.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model_name: str = "local"
    open_engine: Callable[[], Any] = Field(exclude=True, repr=False)
    max_new_tokens: int = 400
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    brief_results: bool = False
    """Whether tools' results are best told to it as one sentence: it was trained so, and reads long JSON slowly."""
    only_said: bool = False
    """Whether its calls had better hold only words and numbers of the chat: it is small, and numbers are in English."""

    _engine: Engine | None = PrivateAttr(default=None)
    _grammar_tokenizer: Any = PrivateAttr(default=None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "bethink-local"

    @property
    def engine(self) -> Engine:
        """The loaded engine (loads it when it is not yet)."""
        with self._lock:
            if self._engine is None:
                self._engine = self.open_engine()
            return self._engine

    def unload(self) -> bool:
        """Let go of the weights; they are loaded again at the next use. False where there are none."""
        with self._lock:
            loaded, self._engine, self._grammar_tokenizer = self._engine is not None, None, None
        return loaded

    @property
    def grammar_tokenizer(self) -> Any:
        """llguidance's view of the tokenizer, made once."""
        engine = self.engine
        with self._lock:
            if self._grammar_tokenizer is None:
                self._grammar_tokenizer = tokenizer_for(engine.tokenizer)
            return self._grammar_tokenizer

    @property
    def native_tools(self) -> bool:
        """Whether the model was trained to call tools (its template has a place for them)."""
        return template_takes_tools(getattr(self.engine.tokenizer, "chat_template", None))

    @property
    def shape(self) -> Shape | None:
        """What the operations of the model are counted from; None where it is not known."""
        return self.engine.shape

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return str(getattr(getattr(getattr(self.engine.decoder, "model", None), "device", None), "type", "cpu"))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, Any]:
        """Bind tools. ``tool_choice``: ``auto`` (default), ``none``, ``required``/``any``, or a tool's name."""
        schemas = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=schemas, tool_choice=tool_choice, **kwargs)

    def prompt(self, messages: list[BaseMessage], tools: list[dict[str, Any]]) -> str:
        """The text the model reads for these messages."""
        native = bool(tools) and self.native_tools
        rendered = as_template_messages(messages, tools, native=native)  # type: ignore[arg-type]
        extra = {"tools": tools} if native else {}
        for message in rendered:
            message["content"] = self._without_marks(message["content"])
        text = self.engine.tokenizer.apply_chat_template(rendered, tokenize=False, add_generation_prompt=True, **extra)
        return str(text)

    def _without_marks(self, text: str) -> str:
        """A text without marks of the chat template, which would end a turn or begin one of another role."""
        for mark in self.engine.tokenizer.all_special_tokens:
            text = text.replace(mark, mark.replace("<", "‹").replace(">", "›").replace("[", "(").replace("]", ")"))
        return text

    def count_tokens(self, text: str) -> int:
        """Tokens of a text by the model's own tokenizer."""
        return len(self._encode(text))

    def _encode(self, text: str) -> list[int]:
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return list(self.engine.tokenizer.encode(clean, add_special_tokens=False))

    def complete_json(self, prompt: str, schema: dict[str, Any], *, max_new_tokens: int = 300) -> dict[str, Any]:
        """One answer that is valid against ``schema``, as plain data; ``{}`` when it did not fit in the context."""
        from langchain_core.messages import HumanMessage

        value = self.decode_json(self.prompt([HumanMessage(prompt)], []), schema, max_new_tokens=max_new_tokens)
        return value if isinstance(value, dict) else {}

    def decode_json(self, text: str, schema: dict[str, Any], *, max_new_tokens: int = 300) -> Any:
        """What the model writes after ``text`` (a whole prompt, as :mod:`bethink.models.agent_prompts` makes them).

        It is valid against ``schema``; None when it did not fit in the context.
        """
        out = self._tokens(text, max_new_tokens, JsonConstraint(schema, self.grammar_tokenizer))
        try:
            return json.loads(self.engine.tokenizer.decode(out, skip_special_tokens=True))
        except ValueError:
            return None

    def likelihoods(self, text: str, options: Sequence[str]) -> list[float]:
        """How probable each of ``options`` is as the whole of what follows ``text``, a whole prompt; each in 0 to 1."""
        ids, end = self._encode(text), self.engine.tokenizer.eos_token
        written = [self._encode(f"{option}{end}") for option in options]
        found = self.engine.likelihoods(ids, written)
        if (span := current()) is not None:
            span.tokens_in += len(ids) + sum(map(len, written))
        return found

    def complete(self, text: str, *, max_new_tokens: int = 60) -> str:
        """What the model writes after ``text``, a whole prompt; the likeliest words."""
        out = self._tokens(text, max_new_tokens)
        return str(self.engine.tokenizer.decode(out, skip_special_tokens=True)).strip()

    def _tokens(self, text: str, max_new_tokens: int, constraint: Any = None) -> list[int]:
        ids = self._encode(text)
        out = list(self.engine.generate(ids, max_new_tokens=max_new_tokens, constraint=constraint))
        if (span := current()) is not None:  # what the memory spends is counted in the span that it spends it in
            span.tokens_in += len(ids)
            span.tokens_out += len(out)
        return out

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | bool | None = None,
        max_new_tokens: int | None = None,
        said: Mapping[str, Collection[str]] | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """See :class:`BaseChatModel`.

        Args:
            said: tools whose arguments may hold only words and numbers of the messages, but for arguments of the names
                given for each (see :mod:`bethink.models.said`).
        """
        offered, forced = _choose(tools or [], tool_choice)
        text = self.prompt(messages, offered) + (CALL_START if forced else "")
        decode = self.engine.tokenizer.decode
        narrow = [_narrowed(tool, messages, said or {}) for tool in offered]
        constraint = ToolTrigger(narrow, self.grammar_tokenizer, decode, forced_choice=forced) if offered else None
        ids = self._encode(text)
        handler = _cancel_handler(run_manager)
        cancel = handler.event if handler is not None else None
        tokens = self.engine.generate(
            ids,
            max_new_tokens=max_new_tokens or self.max_new_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            repetition_penalty=self.repetition_penalty,
            seed=self.seed,
            constraint=constraint,
            cancel=cancel,
            waiting=handler.waiting if handler is not None else None,
        )
        written = CALL_START if forced else ""
        shown = ""
        out: list[int] = []
        for token in tokens:
            out.append(token)
            written = (CALL_START if forced else "") + decode(out, skip_special_tokens=True)
            if stop and (cut := _first(written, stop)) is not None:
                written = written[:cut]
                break
            visible = _visible(written, bool(offered))
            if len(visible) > len(shown):
                piece, shown = visible[len(shown) :], visible
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
                if run_manager:
                    run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
        close = getattr(tokens, "close", None)
        if close is not None:
            close()
        if cancel is not None and cancel.is_set():
            raise Cancelled
        usage = self.engine.last
        rest, calls, broken = parse_calls(written) if offered else (written, [], [])
        if constraint is not None and constraint.unfinished:
            # cut by a stop word or the end of the context: mending it would make a call that nobody wrote
            calls, broken = [], [written[written.index(CALL_START) :]]
        tail = "\n".join(broken) if broken else rest[len(shown) :] if rest.startswith(shown) else ""
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content=tail,
                tool_call_chunks=[
                    tool_call_chunk(
                        name=call.name,
                        args=json.dumps(call.arguments, ensure_ascii=False),
                        id=f"call_{uuid.uuid4().hex[:12]}",
                        index=index,
                    )
                    for index, call in enumerate(calls)
                ],
                usage_metadata={
                    "input_tokens": usage.tokens_in,
                    "output_tokens": usage.tokens_out,
                    "total_tokens": usage.tokens_in + usage.tokens_out,
                    "input_token_details": {"cache_read": usage.tokens_in_cached},
                },
                response_metadata={"finish_reason": usage.finish_reason, "model_name": self.model_name},
                chunk_position="last",
            )
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))


def _choose(
    tools: list[dict[str, Any]], choice: str | dict[str, Any] | bool | None
) -> tuple[list[dict[str, Any]], bool]:
    """(the tools to offer, whether one of them must be called)."""
    if not tools or choice in ("none", False):
        return [], False
    if isinstance(choice, dict):
        choice = str(choice.get("function", choice).get("name", "any"))
    if choice in (None, "auto"):
        return tools, False
    if choice in ("any", "required", True):
        return tools, True
    named = [tool for tool in tools if tool["function"]["name"] == choice]
    if not named:
        raise ValueError(f"tool_choice names {choice!r}, which is not among the bound tools.")
    return named, True


def _narrowed(tool: dict[str, Any], messages: list[BaseMessage], said: Mapping[str, Collection[str]]) -> dict[str, Any]:
    function = tool["function"]
    if function["name"] not in said:
        return tool
    parts = []
    for message in messages:
        if not isinstance(message, SystemMessage):
            calls = [json.dumps(call["args"], ensure_ascii=False) for call in getattr(message, "tool_calls", ())]
            parts += [str(message.text), *calls]
    narrow = said_only(function.get("parameters") or {}, "\n".join(parts), said[function["name"]])
    return {**tool, "function": {**function, "parameters": narrow}}


def _visible(text: str, tools: bool) -> str:
    """What may be shown of an unfinished text: no half character, nothing of a tool call or of its opening tag."""
    text = text.rstrip("\ufffd")
    if not tools:
        return text
    if CALL_START in text:
        return text[: text.index(CALL_START)].rstrip()
    for length in range(min(len(CALL_START), len(text)), 0, -1):
        if text.endswith(CALL_START[:length]):
            return text[:-length]
    return text


def _first(text: str, stops: list[str]) -> int | None:
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(places) if places else None


def _cancel_handler(run_manager: CallbackManagerForLLMRun | None) -> CancelHandler | None:
    """The handler among the run's callbacks; LangChain streams within ``invoke`` without telling of the run."""
    from langchain_core.runnables.config import ensure_config

    callbacks = run_manager or ensure_config().get("callbacks") or []
    handlers = callbacks if isinstance(callbacks, list) else callbacks.handlers
    return next((handler for handler in handlers if isinstance(handler, CancelHandler)), None)
