"""How tools are described to a model and how its calls are read back, per family of chat templates."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.utils.json import parse_partial_json

from bethink.models.grammar import CALL_END, CALL_START

_HERMES = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*(\[.*)", re.DOTALL)
_FENCE = re.compile(r"^```(?:json)?\s*|\s*```$")


@dataclass(frozen=True)
class ParsedCall:
    """A tool call read from text. ``repaired`` says whether its JSON had to be mended."""

    name: str
    arguments: dict[str, Any]
    repaired: bool = False


def template_takes_tools(template: str | None) -> bool:
    """Whether the model's own chat template knows what to do with tools."""
    return bool(template) and "tools" in str(template)


def as_template_messages(
    messages: list[AnyMessage], tools: list[dict[str, Any]], *, native: bool
) -> list[dict[str, Any]]:
    """Messages as a chat template wants them.

    ``native``: the template has roles for calls and results. Otherwise our own format: tools are listed at the end of
    the system message, a call is text between tags, a result is a quoted user message (never the system role).
    """
    out: list[dict[str, Any]] = []
    for message in messages:
        text = str(message.text)
        if isinstance(message, SystemMessage):
            out.append({"role": "system", "content": text})
        elif isinstance(message, HumanMessage):
            out.append({"role": "user", "content": text})
        elif isinstance(message, ToolMessage):
            if native:
                out.append({"role": "tool", "name": message.name or "", "content": text})
            else:
                out.append({"role": "user", "content": f"<tool_response>\n{text}\n</tool_response>"})
        elif isinstance(message, AIMessage):
            calls = [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]
            if calls and native:
                functions = [{"type": "function", "function": call} for call in calls]
                out.append({"role": "assistant", "content": text, "tool_calls": functions})
            else:
                tagged = "\n".join(f"{CALL_START}{json.dumps(call, ensure_ascii=False)}{CALL_END}" for call in calls)
                out.append({"role": "assistant", "content": "\n".join(part for part in (text, tagged) if part)})
    if tools and not native:
        block = describe_tools(tools)
        if out and out[0]["role"] == "system":
            out[0] = {"role": "system", "content": f"{out[0]['content']}\n\n{block}"}
        else:
            out.insert(0, {"role": "system", "content": block})
    return out


def describe_tools(tools: list[dict[str, Any]]) -> str:
    """Our own tool block: one line a tool, its arguments in short, and the form of a call."""
    lines = [
        "# Tools",
        f'To use a tool, answer only with {CALL_START}{{"name": "...", "arguments": {{...}}}}{CALL_END}',
    ]
    for tool in tools:
        function = tool.get("function", tool)
        parameters = (function.get("parameters") or {}).get("properties", {})
        arguments = ", ".join(_short(name, schema) for name, schema in parameters.items())
        lines.append(f"- {function['name']}({arguments}): {function.get('description', '')}")
    return "\n".join(lines)


def _short(name: str, schema: dict[str, Any]) -> str:
    kind = "|".join(str(value) for value in schema["enum"]) if "enum" in schema else str(schema.get("type", "any"))
    default = f"={json.dumps(schema['default'])}" if "default" in schema else ""
    return f"{name}: {kind}{default}"


def parse_calls(text: str) -> tuple[str, list[ParsedCall], list[str]]:
    """Read every call out of a model's text: (the text without them, the calls, what could not be read).

    Formats: ``<tool_call>{...}</tool_call>`` (ours, Qwen, Hermes, SmolLM2-1.7B), ``[TOOL_CALLS] [...]`` (Mistral), and
    a whole answer that is one JSON object with a name (Llama 3). Broken JSON is mended once.
    """
    bodies = _HERMES.findall(text) if CALL_START in text else []
    rest = _HERMES.sub("", text) if bodies else text
    if not bodies and (found := _MISTRAL.search(text)):
        bodies, rest = [found.group(1)], text[: found.start()]
    if not bodies and re.match(r'\s*\{\s*"(name|type|function)"', text):
        bodies, rest = [text.strip()], ""
    calls: list[ParsedCall] = []
    broken: list[str] = []
    for body in bodies:
        value, repaired = _loads(body)
        items = value if isinstance(value, list) else [value]
        read = [call for item in items if (call := _as_call(item, repaired)) is not None]
        calls.extend(read)
        if not read:
            broken.append(body)
    return rest.strip(), calls, broken


def _as_call(item: Any, repaired: bool) -> ParsedCall | None:
    if not isinstance(item, dict):
        return None
    function = item.get("function")
    if isinstance(function, dict):
        item = function
    elif isinstance(function, str):
        item = {**item, "name": function}
    arguments = item.get("arguments", item.get("parameters", {}))
    if isinstance(arguments, str):
        arguments, again = _loads(arguments)
        repaired = repaired or again
    name = item.get("name")
    return ParsedCall(name, arguments, repaired) if isinstance(name, str) and isinstance(arguments, dict) else None


def _loads(text: str) -> tuple[Any, bool]:
    """(value, whether it had to be mended); value is None when beyond mending."""
    try:
        return json.loads(text), False
    except ValueError:
        pass
    text = _FENCE.sub("", text.strip())
    for attempt in (lambda: parse_partial_json(text), lambda: ast.literal_eval(text)):
        try:
            return attempt(), True
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None, True
