"""What a chat completion is asked with, and what the agent makes of it. Fields that are not named here are ignored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from bethink.agents.conversation import Conversation
from bethink.agents.threads import clean
from bethink.app.openai_api.errors import APIError
from bethink.tools.contract import MAX_MODEL_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL, WITHOUT_MEMORY = "bethink", "bethink-no-memory"
MODELS = (MODEL, WITHOUT_MEMORY)
MAX_MESSAGES = 2_000
MAX_TOKENS = 4_096
"""Tokens of one model call at most; who asks for more gets these."""
MAX_NOTE = 8_000
"""Characters read of system messages."""
Text = Annotated[str, BeforeValidator(lambda value: clean(value) if isinstance(value, str) else value)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Part(BaseModel):
    """A part of a message's content; only text is read."""

    type: str
    text: Text | None = None


class FunctionCall(BaseModel):
    """Which tool, and its arguments as JSON."""

    name: Name
    arguments: Text = "{}"


class ToolCall(BaseModel):
    """A call of one of the client's tools that the model asked for."""

    id: Text
    function: FunctionCall


class Message(BaseModel):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[Part] | None = None
    tool_calls: list[ToolCall] | None = Field(None, max_length=128)
    tool_call_id: Text | None = None

    def text(self) -> str:
        """Its text, parts joined by line breaks.

        Raises:
            APIError: there is a part that is not text.
        """
        if not isinstance(self.content, list):
            return self.content or ""
        for part in self.content:
            if part.text is None:
                told = f"Content of type {part.type[:50]!r} is not read: send text."
                raise APIError(400, told, code="unsupported_content", param="messages")
        return "\n".join(part.text or "" for part in self.content)


class Function(BaseModel):
    """One of the client's tools."""

    name: Name
    description: Text | None = Field(None, max_length=10_000)
    parameters: dict[str, Any] | None = None


class FunctionTool(BaseModel):
    """A tool of the kind ``function``, which is the only kind."""

    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    """The tool that must be called."""

    name: Name


class NamedTool(BaseModel):
    """The tool that must be called, as OpenAI writes it."""

    type: Literal["function"]
    function: NamedFunction


class ResponseFormat(BaseModel):
    """Text is the only format."""

    type: Literal["text"]


class StreamOptions(BaseModel):
    """Whether the stream ends with the usage."""

    include_usage: bool | None = False


class ChatRequest(BaseModel):
    """A chat completion."""

    model: Text = Field(json_schema_extra={"enum": list(MODELS)})
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: Literal[1] | None = None
    stop: Text | list[Text] | None = Field(None, max_length=200)
    tools: list[FunctionTool] | None = Field(None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    metadata: dict[str, Any] | None = None

    @property
    def memory(self) -> bool:
        """Whether thoughts are recalled and learned."""
        return self.model != WITHOUT_MEMORY and (self.metadata or {}).get("memory") not in ("off", False)


def conversation_of(asked: ChatRequest, taken: Sequence[str]) -> Conversation:
    """The agent's conversation; the client's tools must not have one of the ``taken`` names.

    Raises:
        APIError: something in it cannot be answered; the message says what to change.
    """
    from langchain_core.messages import convert_to_messages

    if asked.model not in MODELS:
        told = f"There is no model {asked.model[:100]!r}. There are: {', '.join(MODELS)}."
        raise APIError(404, told, code="model_not_found", param="model")
    tools = [tool.function for tool in asked.tools or []]
    names = [tool.name for tool in tools]
    for name in names:
        if name in taken or names.count(name) > 1:
            told = f"Two tools would be called {name!r}, one of them maybe Bethink's own. Give yours another name."
            raise APIError(400, told, code="invalid_value", param="tools")
    spoken = [message for message in asked.messages if message.role not in ("system", "developer")]
    _in_order(spoken)
    note = "\n".join(message.text() for message in asked.messages if message.role in ("system", "developer"))
    most = asked.max_completion_tokens or asked.max_tokens
    return Conversation(
        messages=tuple(convert_to_messages([_plain(message, spoken) for message in spoken])),
        note=note[:MAX_NOTE],
        tools=tuple({"type": "function", "function": tool.model_dump(exclude_none=True)} for tool in tools),
        tool_choice=_choice(asked, names),
        max_tokens=None if most is None else min(most, MAX_TOKENS),
        stop=_stops(asked.stop),
    )


def _choice(asked: ChatRequest, names: Sequence[str]) -> str:
    choice = asked.tool_choice or "auto"
    if isinstance(choice, NamedTool):
        if choice.function.name not in names:
            told = f"tool_choice names {choice.function.name!r}, which is not among the tools."
            raise APIError(400, told, code="invalid_value", param="tool_choice")
        return choice.function.name
    if choice == "required" and not names:
        told = "tool_choice is 'required', but there are no tools."
        raise APIError(400, told, code="invalid_value", param="tool_choice")
    return choice


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > 4:
        raise APIError(400, "At most 4 stop texts are heeded.", code="invalid_value", param="stop")
    return tuple(text for text in stops if text)


def _in_order(spoken: Sequence[Message]) -> None:
    """Refuse an order that no model understands: after the last user message there are only calls and their results."""

    def wrong(told: str) -> APIError:
        return APIError(400, told, code="invalid_value", param="messages")

    roles = [message.role for message in spoken]
    if "user" not in roles:
        raise wrong("There is no message with the role 'user'.")
    if roles[-1] == "assistant":
        raise wrong("The last message must be the user's or a tool's result.")
    open_calls: set[str] = set()
    for message in spoken[len(roles) - roles[::-1].index("user") :]:
        if message.role == "assistant":
            if open_calls or not message.tool_calls:
                raise wrong("After the last user message, an assistant message must have tool_calls, all answered.")
            open_calls = {call.id for call in message.tool_calls}
        elif message.tool_call_id in open_calls:
            open_calls.remove(message.tool_call_id or "")
        else:
            raise wrong("A message with the role 'tool' must answer one of the tool_calls before it.")
    if open_calls:
        raise wrong("Some tool_calls have no message with the role 'tool' that answers them.")


def _plain(message: Message, spoken: Sequence[Message]) -> dict[str, Any]:
    """The message as LangChain reads it; a tool's result is put in JSON with the tool's name, as Bethink's own are."""
    plain: dict[str, Any] = {"role": message.role, "content": message.text()}
    if message.role == "assistant" and message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": _checked(call)}}
            for call in message.tool_calls
        ]
    elif message.role == "tool":
        calls = [call for one in spoken for call in one.tool_calls or [] if call.id == message.tool_call_id]
        name = calls[-1].function.name if calls else "tool"
        text = plain["content"].encode()[:MAX_MODEL_BYTES].decode("utf-8", "ignore")
        plain |= {
            "content": json.dumps({"tool": name, "result": text}, ensure_ascii=False),
            "tool_call_id": message.tool_call_id or "",
        }
    return plain


def _checked(call: ToolCall) -> str:
    try:
        if isinstance(json.loads(call.function.arguments or "{}"), dict):
            return call.function.arguments or "{}"
    except (ValueError, RecursionError):
        pass
    told = f"The arguments of the call of {call.function.name!r} are no JSON object."
    raise APIError(400, told, code="invalid_value", param="messages")
