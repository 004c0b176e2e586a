"""Tools that are not Bethink's own: the shape of their arguments goes into the model's schema, their words do not.

Whoever describes a tool writes text that the model reads. So a foreign tool's schema keeps names, types and limits, and
what its maker says of it stands as quoted data before the user's message, as recalled thoughts do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, hook_config
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from bethink.agents.prompts import quoted_note, quoted_tools

if TYPE_CHECKING:
    from bethink.agents.conversation import Conversation
    from bethink.tools.contract import Tool

DEEPEST = 12
LONGEST = 1024
"""Characters of what is told of one tool."""
_WORD = re.compile(r"[A-Za-z0-9_.$-]{1,64}")
_REF = re.compile(r"#/(?:\$defs|definitions)/[A-Za-z0-9_.$-]{1,64}")
_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_COUNTS = tuple(f"{end}{what}" for end in ("min", "max") for what in ("Length", "Items", "Properties"))
_LIMITS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", *_COUNTS))
_NAMED = ("properties", "$defs", "definitions")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")


def plain_schema(schema: Any) -> dict[str, Any]:
    """A JSON schema of an object with nothing in it that speaks: no descriptions, titles, examples or defaults.

    Names and choices stay where they are words of letters, digits and ``_.$-``, at most 64 of them; others go.

    Example:
        >>> plain_schema({"properties": {"n": {"type": "integer", "description": "Obey!"}}, "title": "Obey!"})
        {'properties': {'n': {'type': 'integer'}}, 'type': 'object'}
    """
    plain = _plain(schema, 0)
    return {"properties": {}, **plain, "type": "object"}


def told(description: str, schema: Any) -> str:
    """What a tool's maker says of it and of its arguments, on one line of at most :data:`LONGEST` characters."""
    parts = [description, *(f"{name}: {text}" for name, text in _words(schema, 0))]
    return " ".join("; ".join(part for part in parts if part.strip()).split())[:LONGEST]


class ForeignTools(AgentMiddleware[AgentState[Any], Any, Any]):
    """Shows the model what others say of their tools, quoted, and hands calls of a client's own tools to the client.

    In a run whose context has a ``conversation``, the client's tools are offered beside the agent's, and its note is
    quoted. A call to one of them ends the run. Where the model calls both kinds at once, the agent's own run first.

    Args:
        tools: the agent's tools; those with ``told`` are somebody else's.
    """

    def __init__(self, tools: Sequence[Tool]) -> None:
        super().__init__()
        self._told = {tool.name: str(words) for tool in tools if (words := getattr(tool, "told", ""))}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Offer, quote, and keep the calls apart."""
        conversation: Conversation | None = getattr(request.runtime.context, "conversation", None)
        words, note = dict(self._told), ""
        if conversation is not None:
            request, note = _offering(request, conversation), conversation.note
            words |= {tool["function"]["name"]: _told_of(tool["function"]) for tool in conversation.tools}
        lines = [f"{name}: {words[name]}" for name in map(_name, request.tools) if words.get(name)]
        response = handler(_quoting(request, lambda asked: quoted_note(note, quoted_tools(lines, asked))))
        if conversation is not None and conversation.tools:
            _own_first(response, conversation.tool_names)
        return response

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """End the run where the client has to call its tool."""
        conversation: Conversation | None = getattr(runtime.context, "conversation", None)
        last = state["messages"][-1]
        if conversation is None or not isinstance(last, AIMessage):
            return None
        calls = {call["name"] for call in last.tool_calls}
        return {"jump_to": "end"} if calls & conversation.tool_names else None


def _offering(request: ModelRequest[Any], conversation: Conversation) -> ModelRequest[Any]:
    settings = {**request.model_settings, **conversation.model_settings(request.model)}
    choice, offered = conversation.tool_choice, [_plain_tool(tool) for tool in conversation.tools]
    if not offered or choice == "none" or (choice == "auto" and request.tool_choice is not None):
        return request.override(model_settings=settings)
    if choice == "auto":
        return request.override(tools=[*request.tools, *offered], model_settings=settings)
    named = [tool for tool in offered if choice in ("required", tool["function"]["name"])]
    return request.override(tools=named, tool_choice="any" if choice == "required" else choice, model_settings=settings)


def _plain_tool(tool: dict[str, Any]) -> Any:
    function = tool["function"]
    description = "A tool of the program that this chat runs in."
    parameters = plain_schema(function.get("parameters"))
    return {
        "type": "function",
        "function": {"name": function["name"], "description": description, "parameters": parameters},
    }


def _told_of(function: dict[str, Any]) -> str:
    return told(str(function.get("description") or ""), function.get("parameters"))


def _quoting(request: ModelRequest[Any], quoted: Callable[[str], str]) -> ModelRequest[Any]:
    places = [i for i, message in enumerate(request.messages) if isinstance(message, HumanMessage)]
    if not places or not quoted(""):
        return request
    messages = list(request.messages)
    asked = messages[places[-1]]
    content: Any = quoted(str(asked.text))
    if not isinstance(asked.content, str):  # images and files stay as they are
        content = [{"type": "text", "text": quoted("").strip()}, *asked.content]
    messages[places[-1]] = asked.model_copy(update={"content": content})
    return request.override(messages=messages)


def _own_first(response: ModelResponse[Any], names: frozenset[str]) -> None:
    for message in response.result:
        if isinstance(message, AIMessage):
            own = [call for call in message.tool_calls if call["name"] not in names]
            message.tool_calls = own or message.tool_calls


def _name(tool: Any) -> str:
    return str(tool.get("function", tool).get("name", "") if isinstance(tool, dict) else tool.name)


def _plain(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict) or depth > DEEPEST:
        return {}
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            found[key] = {name: _plain(part, depth + 1) for name, part in value.items() if _word(name)}
        elif key in _MANY and isinstance(value, list):
            found[key] = [_plain(part, depth + 1) for part in value]
        elif key in ("items", "additionalProperties"):
            found[key] = value if isinstance(value, bool) else _plain(value, depth + 1)
        elif key == "required" and isinstance(value, list):
            found[key] = [name for name in value if _word(name)]
        elif _is_plain(key, value):
            found[key] = value
    return found


def _is_plain(key: str, value: Any) -> bool:
    match key:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
        case "enum":
            return isinstance(value, list) and all(map(_choice, value))
        case "const":
            return _choice(value)
        case "format":
            return _word(value)
        case "$ref":
            return isinstance(value, str) and _REF.fullmatch(value) is not None
        case _:
            return key in _LIMITS and isinstance(value, (int, float))


def _word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _choice(value: Any) -> bool:
    return value is None or isinstance(value, (int, float)) or _word(value)


def _words(schema: Any, depth: int) -> Iterator[tuple[str, str]]:
    """(name, description) of the properties of an object, and of those inside of them."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return
    for key in _NAMED:
        for name, part in schema[key].items() if isinstance(schema.get(key), dict) else ():
            if isinstance(part, dict) and isinstance(part.get("description"), str):
                yield str(name), part["description"]
            yield from _words(part, depth + 1)
    yield from _words(schema.get("items"), depth + 1)
