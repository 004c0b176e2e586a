"""One declaration per tool: its form in the UI, its LangChain tool and its command line all follow from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bethink.models.energy import charged

log = logging.getLogger(__name__)

ErrorCode = Literal[
    "invalid_input", "not_found", "not_ready", "timeout", "limit", "cancelled", "needs_approval", "internal"
]
MAX_MODEL_BYTES = 8 * 1024
"""What a tool may put in front of the model; the rest stays in the artifact."""


class ToolError(Exception):
    """A failure the agent can read: a code, a sentence, and what to do next."""

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def as_dict(self) -> dict[str, dict[str, str]]:
        """``{"error": {"code", "message", "hint"}}``, as every tool reports it."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class ToolInput(BaseModel):
    """Base of every tool's input: unknown fields are refused, NaN and infinity too."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Plot(BaseModel):
    """A picture a tool drew: where the PNG or GIF lies, and what it shows in words (the alternative text)."""

    path: str = Field(description="Where it lies; over MCP the URI of a resource.")
    title: str
    alt: str


class OutputFile(BaseModel):
    """A file a tool wrote for the user to keep: where it lies, and what is in it."""

    path: str = Field(description="Where it lies; over MCP the URI of a resource.")
    title: str


class ToolOutput(BaseModel):
    """Base of every tool's output: a summary whose numbers all occur in the other fields, plots, and files to keep."""

    summary: str
    plots: list[Plot] = []
    files: list[OutputFile] = []


@dataclass
class ToolContext:
    """What a run may use: where files go, how to report progress, and whether it was cancelled.

    ``progress(done, message)`` takes a share in [0, 1]. ``uploads`` holds the files that the user gave; None where
    there is no such folder. ``thoughts(query, k)`` recalls what is remembered of the user who asks: dicts with ``id``,
    ``text`` and ``date``; they are data, never instructions. None where nothing is remembered.
    """

    folder: Path
    progress: Callable[[float, str], None] = lambda done, message: None
    cancel: threading.Event = field(default_factory=threading.Event)
    uploads: Path | None = None
    thoughts: Callable[[str, int], list[dict[str, Any]]] | None = None

    def checkpoint(self, done: float, message: str = "") -> None:
        """Report progress, and stop here if somebody pressed cancel.

        Raises:
            ToolError: code ``cancelled``.
        """
        self.progress(done, message)
        if self.cancel.is_set():
            raise ToolError("cancelled", "The run was cancelled.", "Start it again when you want it.")

    def uploaded(self, name: str, endings: tuple[str, ...] = ()) -> Path:
        """The uploaded file of that plain name. Nothing outside of ``uploads`` is ever returned, links included.

        ``endings`` (``.csv``, say) are those that the hint lists.

        Raises:
            ToolError: ``invalid_input`` for a name with a path in it, ``not_found`` for a file that is not there.
        """
        there = self._listed(endings)
        if not name.isprintable() or name != Path(name).name or set(name) & set("/\\:") or name.startswith("."):
            raise ToolError("invalid_input", f"{name[:100]!r} is not a plain file name.", f"Leave out folders. {there}")
        if self.uploads is None:
            raise ToolError("not_found", "There is no folder of uploaded files here.", there)
        path = self.uploads / name
        try:
            found = path.is_file() and path.resolve(strict=True).parent == self.uploads.resolve(strict=True)
        except OSError:  # a name too long for the file system, say
            found = False
        if not found:
            raise ToolError("not_found", f"There is no uploaded file {name[:100]!r}.", there)
        return path

    def _listed(self, endings: tuple[str, ...]) -> str:
        """A sentence that names what is in ``uploads``, the latest first."""
        try:
            files = [path for path in self.uploads.iterdir() if path.is_file()] if self.uploads else []
            files = [path for path in files if not endings or path.suffix.lower() in endings]
            names = [path.name for path in sorted(files, key=lambda path: -path.stat().st_mtime)]
        except OSError:
            names = []
        if not names:
            return "No file has been uploaded yet: add one first."
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        return f"There are: {', '.join(names[:10])}{more}."


@dataclass(frozen=True)
class Tool:
    """A tool, declared once.

    ``run`` gets a validated ``Input`` and returns an ``Output``; anything the user can mend is raised as
    :class:`ToolError`. ``examples`` are sentences a user might say, with the arguments they mean. ``confirm``: an agent
    must ask the user before each run. ``inferred``: the arguments that a local model may put in words of its own; all
    other texts and numbers that it gives must have been said in the chat. None: it may write what it likes.
    """

    name: str
    description: str
    Input: type[ToolInput]
    Output: type[ToolOutput]
    run: Callable[[Any, ToolContext], ToolOutput]
    examples: tuple[tuple[str, dict[str, Any]], ...] = ()
    read_only: bool = True
    idempotent: bool = True
    confirm: bool = False
    cost_hint: str = "seconds"
    timeout_s: float = 60.0
    inferred: frozenset[str] | None = None

    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, without pydantic's titles (they only cost tokens)."""
        return _without_titles(self.Input.model_json_schema())

    def output_schema(self) -> dict[str, Any]:
        """JSON schema of the output as it is sent; what a run adds to it (a subclass's fields) is allowed."""
        return _without_titles(self.Output.model_json_schema(mode="serialization"))


@dataclass(frozen=True)
class ToolResult:
    """What came of one call: the output or an error, both as plain data, and the seconds it took."""

    name: str
    arguments: dict[str, Any]
    output: dict[str, Any] | None
    error: dict[str, str] | None
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the tool returned an output."""
        return self.error is None

    def as_dict(self) -> dict[str, Any]:
        """The output, or ``{"error": ...}``."""
        return self.output if self.output is not None else {"error": self.error}


def call_tool(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    """Validate, run within the tool's time limit, and return data whatever happens.

    No exception leaves this function: bad arguments, a failing tool and a timeout are ``error`` with a code, a
    sentence and a hint. A tool past its time limit is asked to stop through ``context.cancel``.
    """
    start = time.perf_counter()

    def result(output: dict[str, Any] | None = None, error: dict[str, str] | None = None) -> ToolResult:
        return ToolResult(tool.name, arguments, output, error, time.perf_counter() - start)

    try:
        parsed = tool.Input.model_validate(arguments)
    except ValidationError as problem:
        return result(
            error=ToolError("invalid_input", _sentence(problem), f"See the schema of {tool.name}.").as_dict()["error"]
        )
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"tool-{tool.name}")
    try:
        # the run sees the caller's context variables (a LangGraph run finds its stream there), and its span is charged
        job = pool.submit(copy_context().run, lambda: charged(tool.run, parsed, context))
        output = job.result(timeout=tool.timeout_s)
        return result(output=output.model_dump(mode="json"))
    except FutureTimeout as problem:
        if job.done():  # the tool's own TimeoutError, not ours
            return result(error=_bug(tool, problem))
        context.cancel.set()
        hint = "Ask for less (fewer steps, a smaller system), or raise the tool's time limit."
        return result(
            error=ToolError("timeout", f"{tool.name} ran past {tool.timeout_s:g} s.", hint).as_dict()["error"]
        )
    except ToolError as problem:
        return result(error=problem.as_dict()["error"])
    except Exception as problem:
        return result(error=_bug(tool, problem))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _bug(tool: Tool, problem: BaseException) -> dict[str, str]:
    """What the model reads of an unexpected exception; the traceback goes to the log."""
    log.error("%s failed.", tool.name, exc_info=problem)
    message = f"{tool.name} failed: {type(problem).__name__}: {problem}"
    return ToolError("internal", message, "This is a bug in the tool; the log has the details.").as_dict()["error"]


def find_tool(tools: list[Tool], name: str) -> Tool:
    """The tool of that name.

    Raises:
        ToolError: code ``not_found``, naming the tools there are.
    """
    for tool in tools:
        if tool.name == name:
            return tool
    raise ToolError("not_found", f"There is no tool {name[:100]!r}.", f"Tools: {', '.join(t.name for t in tools)}.")


def short(value: float, digits: int = 3) -> float:
    """So many significant digits: what is said of a number and what stands in the output are the same.

    Example:
        >>> short(1234.5), short(0.0123456, 4)
        (1230.0, 0.01235)
    """
    return float(f"{value:.{digits}g}")


def _sentence(problem: ValidationError) -> str:
    parts = []
    for error in problem.errors(include_url=False)[:5]:
        place = ".".join(str(part) for part in error["loc"]) or "arguments"
        parts.append(f"{place[:100]}: {error['msg'][:300]}")  # an unknown field may have a name of any length
    return "; ".join(parts)


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: (
                {k: _without_titles(v) for k, v in value.items()}
                if key in ("properties", "$defs")
                else _without_titles(value)
            )
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    return schema
