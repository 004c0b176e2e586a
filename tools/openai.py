"""The tools for OpenAI's client and whatever speaks its chat completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bethink.tools.contract import Tool, ToolContext, ToolError, call_tool, find_tool
from bethink.tools.langchain import Recall, model_text

PLOTS = "bethink-plots"
"""Where plots and files go unless a folder is named, as on the command line."""


def openai_tools(tools: Sequence[Tool] | None = None) -> list[dict[str, Any]]:
    """The list for ``client.chat.completions.create(tools=...)``; all of Bethink's tools unless some are given."""
    from bethink.tools import all_tools

    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema()},
        }
        for tool in (all_tools() if tools is None else tools)
    ]


def run_tool_call(
    name: str,
    arguments: str,
    *,
    tools: Sequence[Tool] | None = None,
    folder: str | Path = PLOTS,
    uploads: str | Path | None = None,
    thoughts: Recall | None = None,
) -> str:
    """Run a call that a model asked for: its name and its arguments as JSON; returns the content of the tool message.

    Whatever the model wrote, no exception leaves this function: the text is then ``{"error": {"code", "message",
    "hint"}}``. Plots and files go to ``folder``; ``uploads`` is the folder of files that arguments may name, and
    ``thoughts(query, k)`` recalls what is remembered of the user (see :class:`bethink.tools.ToolContext`).

    Example:
        >>> run_tool_call("no_such_tool", "{}")[:32]
        '{"error": {"code": "not_found", '
    """
    from bethink.tools import all_tools

    try:
        tool = find_tool(list(all_tools() if tools is None else tools), name)
        parsed = _parsed(arguments)
    except ToolError as problem:
        return json.dumps(problem.as_dict(), ensure_ascii=False)
    where = None if uploads is None else Path(uploads)
    return model_text(call_tool(tool, parsed, ToolContext(Path(folder), uploads=where, thoughts=thoughts)))


def _parsed(arguments: str) -> dict[str, Any]:
    try:
        parsed: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as problem:
        reason = "nested too deep" if isinstance(problem, RecursionError) else str(problem)
        raise ToolError("invalid_input", f"The arguments are not JSON: {reason}.", "Send a JSON object.") from problem
    if not isinstance(parsed, dict):
        raise ToolError("invalid_input", "The arguments are no JSON object.", 'Send one, such as {"k": 5}.')
    return parsed
