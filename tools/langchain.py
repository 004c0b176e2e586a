"""A tool's LangChain face. Whatever happens inside a call comes back as data, for the model and for the interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.tools.contract import MAX_MODEL_BYTES, Tool, ToolContext, ToolResult, call_tool

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


Thoughts = Callable[[str, str, int], list[dict[str, Any]]]
Recall = Callable[[str, int], list[dict[str, Any]]]


def langchain_tool(
    tool: Tool,
    folder: Path | Callable[[str], Path],
    uploads_of: Callable[[str], Path] | None = None,
    thoughts_of: Thoughts | None = None,
) -> BaseTool:
    """The tool as a LangChain ``StructuredTool`` whose artifact is the call's :class:`ToolResult`.

    Inside a LangGraph run, progress goes to the custom stream as ``{"tool_progress": {...}}`` and the run's
    ``context.cancel`` (a ``threading.Event``), where there is one, stops the tool. ``folder``, where plots and files
    go, may be a function of the run's ``context.user_id``. ``uploads_of`` gives the folder of that user's uploaded
    files, ``thoughts_of(user_id, query, k)`` what is remembered of them (nothing in a run whose ``context.memory`` is
    False).
    """

    def of_user(asked: Any) -> tuple[Path, Path | None, Recall | None]:
        user_id = getattr(asked, "user_id", None)
        results = folder(user_id or "") if callable(folder) else folder
        if user_id is None:
            return results, None, None
        recall = partial(thoughts_of, user_id) if thoughts_of is not None and getattr(asked, "memory", True) else None
        return results, uploads_of(user_id) if uploads_of is not None else None, recall

    return _structured(tool, of_user, lambda result: result)


def langchain_tools(
    folder: str | Path = "bethink-plots",
    tools: Sequence[Tool] | None = None,
    *,
    uploads: str | Path | None = None,
    thoughts: Recall | None = None,
) -> list[BaseTool]:
    """Bethink's tools for anybody's LangChain or LangGraph agent; all of them unless some are given.

    The model reads a JSON text of at most 8 KiB; the message's ``artifact["structured_content"]`` has the whole
    output, as that of an MCP tool has, or ``{"error": {"code", "message", "hint"}}``. Plots and files go to
    ``folder``. ``uploads`` is the folder of files that arguments may name, ``thoughts(query, k)`` recalls what is
    remembered of the user (see :class:`bethink.tools.ToolContext`). Progress and cancelling: as
    :func:`langchain_tool`.
    """
    from bethink.tools import all_tools

    given = (Path(folder), None if uploads is None else Path(uploads), thoughts)
    return [
        _structured(tool, lambda asked: given, lambda result: {"structured_content": result.as_dict()})
        for tool in (all_tools() if tools is None else tools)
    ]


def _structured(
    tool: Tool,
    given: Callable[[Any], tuple[Path, Path | None, Recall | None]],
    artifact: Callable[[ToolResult], Any],
) -> BaseTool:
    from langchain_core.tools import StructuredTool

    def run(**arguments: Any) -> tuple[str, Any]:
        write, asked = _surroundings()
        folder, uploads, thoughts = given(asked)
        context = ToolContext(
            folder=folder,
            progress=lambda done, message: write(
                {"tool_progress": {"name": tool.name, "done": done, "message": message}}
            ),
            cancel=_Linked(getattr(asked, "cancel", None)),
            uploads=uploads,
            thoughts=thoughts,
        )
        result = call_tool(tool, arguments, context)
        return model_text(result), artifact(result)

    return StructuredTool.from_function(
        func=run,
        name=tool.name,
        description=tool.description,
        # a plain schema: arguments are validated once, by call_tool, whose errors are data
        args_schema=tool.input_schema(),
        response_format="content_and_artifact",
    )


def model_text(result: ToolResult) -> str:
    """What the model reads of a result: JSON without the paths of plots and files, at most 8 KiB (cut with a note)."""
    data = {key: value for key, value in result.as_dict().items() if key not in ("plots", "files")}
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) > MAX_MODEL_BYTES:
        data = {
            "summary": str(data.get("summary", ""))[: MAX_MODEL_BYTES // 2],
            "note": "The full result is shown to the user.",
        }
        text = json.dumps(data, ensure_ascii=False)
    return text


class _Linked(threading.Event):
    """Set when it is set itself (a tool's timeout) or when the turn's own event is (the user's stop)."""

    def __init__(self, parent: threading.Event | None) -> None:
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        return super().is_set() or (self._parent is not None and self._parent.is_set())


def _surroundings() -> tuple[Any, Any]:
    """(stream writer, context) of the LangGraph run around this call; silence and None outside of one."""
    try:
        from langgraph.config import get_stream_writer
        from langgraph.runtime import get_runtime

        return get_stream_writer(), get_runtime().context
    except (ImportError, RuntimeError, KeyError, LookupError):
        return (lambda record: None), None
