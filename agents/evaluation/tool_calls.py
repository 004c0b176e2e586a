"""Does a model call the right tool with the right arguments? It is asked as the agent asks it, and stopped at its call.

System message, history, tool descriptions, routing of untrained models and grammar are the agent's own; no tool runs,
and nothing is recalled or remembered. Functions that a case brings along have no examples to route by, so that a model
is offered all of them. Cost: one model call a case.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain.agents.middleware.types import hook_config
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from bethink.agents.agent import LAST_MESSAGES
from bethink.agents.energy_tool import energy_tool
from bethink.agents.evaluation.runs import Row
from bethink.agents.evaluation.summary import ALL, Estimate, scores
from bethink.agents.evaluation.tool_data import Case
from bethink.agents.evaluation.tool_scores import Call, Differences, differences, scores_of
from bethink.agents.prompts import system_prompt
from bethink.agents.routing import knows_tools
from bethink.models.energy import Span
from bethink.models.grammar import CALL_START

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from bethink.models.embedder import Embedder
    from bethink.tools.contract import Tool

SUITE, NO_TOOL = "tools", "no tool"
MEANING = {
    "right": "all right",
    "tool": "right choice of tool, or of none",
    "called": "right tool, where one is needed",
    "arguments": "right tool and all arguments right, where one is needed",
    "invented": "an argument invented, where the right tool was called",
    "silent": "nothing called, where nothing should be",
    "valid": "call keeps to the tool's schema, where one of our tools was called",
    "unparsable": "no call can be read from the answer, though it looks like one",
}
"""The scores in words. ``invented`` and ``unparsable`` are the better the lower."""
COSTS = {
    "cases": "cases",
    "seconds_median": "a case, s (median)",
    "tokens_in_median": "tokens in the prompt (median)",
    "tokens_out_median": "tokens in the answer (median)",
    "seconds": "all cases, s",
    "joules": "all cases, J (estimated)",
}
_LOOKS_LIKE_ONE = re.compile(r'\s*\{\s*"(?:name|type|function)"')


class StopAtCall(AgentMiddleware[AgentState[Any], Any, Any]):
    """Ends a run where the model wants to call a tool, so that none runs."""

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: AgentState[Any], runtime: Any) -> dict[str, Any] | None:
        """See :class:`AgentMiddleware`."""
        last = state["messages"][-1]
        return {"jump_to": "end"} if isinstance(last, AIMessage) and last.tool_calls else None


class Asker:
    """Asks a model as the agent does.

    Args:
        model: any LangChain chat model.
        tools: ours, to which the agent's own is added; a case with functions of its own is asked with those instead.
        embedder: what the agent routes with (used for models whose chat template knows no tools).
    """

    def __init__(self, model: BaseChatModel, tools: Sequence[Tool], embedder: Embedder) -> None:
        self.model, self.tools, self._embedder = model, [*tools, energy_tool(None)], embedder
        self._system = system_prompt(str(getattr(model, "model_name", type(model).__name__)))
        self._graphs: dict[str, Any] = {}
        self._schemas = {tool.name: tool.input_schema()["properties"] for tool in self.tools}

    def ask(self, case: Case, cancel: threading.Event) -> AIMessage:
        """The model's answer: a call, or words.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        from bethink.models.chat import CancelHandler

        told = [text for role, text in case.messages if role == "system"]
        messages = _history(case.messages, calls=knows_tools(self.model))
        state = self._graph(case, told).invoke({"messages": messages}, config={"callbacks": [CancelHandler(cancel)]})
        answer = state["messages"][-1]
        if not isinstance(answer, AIMessage):
            raise TypeError(f"The model gave no answer but {type(answer).__name__}.")
        return answer

    def defaults(self, case: Case) -> dict[str, Any]:
        """The defaults of the arguments of the case's tool."""
        if case.functions:
            named = [each for each in case.functions if each["name"] == case.tool]
            properties = named[0]["parameters"]["properties"] if named else {}
        else:
            properties = self._schemas.get(case.tool or "", {})
        return {name: field["default"] for name, field in properties.items() if "default" in field}

    def valid(self, call: Call) -> bool | None:
        """Whether one of our tools takes the call; None for any other tool."""
        from pydantic import ValidationError

        tool = next((each for each in self.tools if each.name == call.name), None)
        if tool is None:
            return None
        try:
            tool.Input.model_validate(call.arguments)
        except ValidationError:
            return False
        return True

    def _graph(self, case: Case, told: Sequence[str]) -> Any:
        key = json.dumps([case.functions, told])
        if key not in self._graphs:
            if case.functions:
                self._graphs.clear()  # hardly two cases have the same
            self._graphs[key] = self._built(case.functions, told)
        return self._graphs[key]

    def _built(self, functions: Sequence[dict[str, Any]], told: Sequence[str]) -> Any:
        from langchain.agents import create_agent

        from bethink.agents.routing import ExactCommands, routers_for
        from bethink.tools.langchain import langchain_tool

        system = SystemMessage("\n\n".join((self._system, *told)))
        if functions:
            described: list[Any] = [_described(each) for each in functions]
            return create_agent(self.model, described, system_prompt=system, middleware=[StopAtCall()])
        ours = [langchain_tool(tool, Path(tempfile.gettempdir())) for tool in self.tools]  # they never run
        middleware = [ExactCommands(self.tools), StopAtCall(), *routers_for(self.model, self.tools, self._embedder)]
        return create_agent(self.model, ours, system_prompt=system, middleware=middleware)


def _history(said: Sequence[tuple[str, str]], *, calls: bool) -> list[AnyMessage]:
    """As the agent's: the question and the last messages before it, with their calls for models that know tools.

    What a call found is taken to be what the assistant then said.
    """
    places = [place for place, (role, _) in enumerate(said) if role in ("user", "assistant")]
    start = places[:-1][-LAST_MESSAGES:][:1] or places[-1:]
    if start[0] and said[start[0] - 1][0] == "call":
        start[0] -= 1
    found: list[AnyMessage] = []
    for place in range(start[0], len(said)):
        role, text = said[place]
        if role == "user":
            found.append(HumanMessage(text))
        elif role == "assistant":
            found.append(AIMessage(text))
        elif role == "call" and calls:
            made, ident = json.loads(text), f"call_{place}"
            found.append(AIMessage("", tool_calls=[{"name": made["tool"], "args": made["arguments"], "id": ident}]))
            summary = json.dumps({"summary": said[place + 1][1]}, ensure_ascii=False)
            found.append(ToolMessage(summary, name=made["tool"], tool_call_id=ident))
    return found


def _described(function: dict[str, Any]) -> Any:
    from langchain_core.tools import StructuredTool

    def never(**arguments: Any) -> str:
        raise AssertionError("a tool ran while only its call was asked for")

    return StructuredTool.from_function(
        never, name=function["name"], description=function["description"], args_schema=function["parameters"]
    )


def evaluate(
    cases: Sequence[Case],
    asker: Asker,
    *,
    done: Collection[tuple[str, str]] = (),
    progress: Callable[[float, str], None] = lambda share, message: None,
    cancel: threading.Event | None = None,
) -> Generator[Row, None, None]:
    """Yield a result for every case, as it comes. What is in ``done``, (suite, id), is not asked again.

    Once ``cancel`` is set it ends at the next token of a local model, with one on a server after its answer.
    """
    from bethink.models.chat import Cancelled

    cancel = cancel or threading.Event()
    todo = [case for case in cases if (SUITE, case.id) not in done]
    for number, case in enumerate(todo):
        if cancel.is_set():
            return
        progress(number / len(todo), case.messages[-1][1][:60])
        try:
            row = _asked(case, asker, cancel)
        except Cancelled:
            return
        yield row
    progress(1.0, "done")


def _asked(case: Case, asker: Asker, cancel: threading.Event) -> Row:
    from bethink.models.engine import ContextOverflowError

    problem = ""
    with Span() as span:
        start = time.perf_counter()
        try:
            answer = asker.ask(case, cancel)
        except ContextOverflowError as error:
            answer, problem = AIMessage(""), str(error)
        seconds = time.perf_counter() - start
    calls = [Call(each["name"], each["args"]) for each in answer.tool_calls]
    text = str(answer.text)
    broken = bool(problem or answer.invalid_tool_calls) or (
        not calls and (CALL_START in text or _LOOKS_LIKE_ONE.match(text) is not None)
    )
    defaults = asker.defaults(case)
    found = scores_of(case, calls, broken, defaults)
    valid = [each for call in calls if (each := asker.valid(call)) is not None] if not case.functions else []
    if valid:
        found["valid"] = float(all(valid))
    usage: dict[str, Any] = dict(answer.usage_metadata or {})
    costs = {
        "seconds": seconds,
        "joules": span.energy_j,
        "tokens_in": float(usage.get("input_tokens", 0)),
        "tokens_out": float(usage.get("output_tokens", 0)),
    }
    wrong = differences(case, calls[0].arguments, defaults) if found["tool"] and calls else Differences()
    detail: dict[str, Any] = {
        "asked": case.messages[-1][1],
        "wanted": {"tool": case.tool, "arguments": _shown(case)},
        "calls": [{"tool": call.name, "arguments": call.arguments} for call in calls],
        "said": text[:500] or problem,
        "tags": list(case.tags),
        "wrong": list(wrong.wrong),
        "missing": list(wrong.missing),
        "invented": list(wrong.invented),
    }
    return Row(SUITE, case.id, case.group, case.tool or NO_TOOL, found, costs, detail)


def _shown(case: Case) -> dict[str, Any]:
    if not case.right:
        return {}
    listed = {name: list(values) for name, values in case.right[0].values.items()}
    shown = {name: values[0] if len(values) == 1 else values for name, values in listed.items()}
    return dict(json.loads(json.dumps(shown, default=lambda nested: nested.values)))


T = TypeVar("T")


def evenly(cases: Sequence[T], limit: int | None) -> list[T]:
    """All cases, or so many, evenly spaced."""
    if limit is None or limit >= len(cases):
        return list(cases)
    return [cases[place * len(cases) // limit] for place in range(limit)]


Scores = dict[str, Estimate]


def by_tool(rows: Iterable[Row]) -> dict[str, Scores]:
    """The scores of all cases (:data:`ALL`), and of those that need each tool, or none."""
    return scores(rows).get(SUITE, {})


def by_tag(rows: Iterable[Row]) -> dict[str, Scores]:
    """The scores of the cases that have each tag."""
    found = by_tool(replace(row, kind=tag) for row in rows for tag in row.detail["tags"])
    return {tag: each for tag, each in sorted(found.items()) if tag != ALL}


def costs_of(rows: Sequence[Row]) -> dict[str, float]:
    """What the cases cost; joules are estimated from CPU time."""
    if not rows:
        return {}
    found = {"cases": float(len(rows))}
    for name in ("seconds", "tokens_in", "tokens_out"):
        found[f"{name}_median"] = median(row.costs[name] for row in rows)
    return found | {name: sum(row.costs[name] for row in rows) for name in ("seconds", "joules")}


def mistakes(rows: Iterable[Row]) -> dict[str, int]:
    """How often an argument of the right tool was wrong, missing or invented, most often first."""
    found = Counter(
        f"{row.kind}, {name}: {sort}"
        for row in rows
        for sort in ("wrong", "missing", "invented")
        for name in row.detail[sort]
    )
    return dict(found.most_common())


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """All of it as plain data."""

    def plain(found: dict[str, Scores]) -> dict[str, dict[str, Any]]:
        return {kind: {name: each.as_dict() for name, each in one.items()} for kind, one in found.items()}

    tools = plain(by_tool(rows))
    return {
        "scores": tools.pop(ALL, {}),
        "by_tool": tools,
        "by_tag": plain(by_tag(rows)),
        "mistakes": mistakes(rows),
        "costs": {name: round(value, 4) for name, value in costs_of(rows).items()},
    }
