"""Requests with the right call for each: our own files, and those of the Berkeley function calling leaderboard.

Ours are JSON lines: a request that needs a tool, one that needs none, a dialogue in which every call is asked for::

    {"id": "r1", "text": "Coupons for 5000 euros.", "tool": "allocate_budget",
     "arguments": {"budget": 5000, "currency": "EUR"}, "tags": ["money"]}
    {"id": "r2", "text": "Good morning!", "tool": null}
    {"id": "d1", "turns": [{"user": "Coupons for 5000."},
                           {"call": {"tool": "allocate_budget", "arguments": {"budget": 5000}}, "say": "Done."},
                           {"user": "Make it 6000."},
                           {"call": {"tool": "allocate_budget", "arguments": {"budget": 6000}}, "say": "Done."}]}

``accept`` lists further right argument objects, ``free`` the arguments whose wording is free; ``arguments``, ``tags``
and ``say`` may be left out. The leaderboard's categories simple, multiple and irrelevance are read, with the file of
possible answers where it lies beside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.evaluation.conversations import EvaluationError, read_json

if TYPE_CHECKING:
    from bethink.tools.contract import Tool

ANSWERS = "possible_answer"
"""The folder of the leaderboard's answers, beside the questions."""
_TYPES = {
    "dict": "object", "object": "object", "float": "number", "number": "number", "double": "number",
    "tuple": "array", "array": "array", "list": "array", "integer": "integer", "long": "integer",
    "string": "string", "boolean": "boolean", "bool": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """One right set of arguments: the values that are right for each, and those that may be left out."""

    values: dict[str, tuple[Any, ...]]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """What is asked, and the right call.

    ``messages`` are (role, text), the last one the user's; the role ``call`` has a call that was right, as JSON with
    ``tool`` and ``arguments``, before what the assistant then said. ``tool`` is None where nothing is to be called;
    else any of ``right`` will do. ``functions`` are the case's own, as OpenAI describes them; without them it is our
    tools.
    """

    id: str
    group: str
    messages: tuple[tuple[str, str], ...]
    tool: str | None
    right: tuple[Expected, ...] = ()
    tags: tuple[str, ...] = ()
    free: frozenset[str] = frozenset()
    functions: tuple[dict[str, Any], ...] = ()

    @property
    def said(self) -> str:
        """Everything the user said so far."""
        return "\n".join(text for role, text in self.messages if role == "user")


def load_cases(path: str | Path, tools: Sequence[Tool], answers: str | Path | None = None) -> list[Case]:
    """The cases of a file, in order. ``answers`` is the leaderboard's file of answers, if it is not beside.

    Raises:
        EvaluationError: the file cannot be read or is in neither format; the message names the line.
    """
    place = Path(path)
    items = read_json(place, lines=True)
    if not items:
        raise EvaluationError(f"{place} is empty. It should hold a request a line.")
    known = {tool.name for tool in tools}
    theirs = isinstance(items[0], dict) and "function" in items[0]
    truth = _truth(place, items, answers) if theirs else {}
    found: list[Case] = []
    for number, item in enumerate(items, 1):
        try:
            found += [_leaderboard(item, truth)] if theirs else _ours(item, known)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as problem:
            raise EvaluationError(f"Line {number} of {place} is not in the format: {_said(problem)}.") from problem
    if len({case.id for case in found}) != len(found):
        raise EvaluationError(f"Two lines of {place} have the same id.")
    name = place.name.split(".")[0]
    return [replace(case, id=f"{name}/{case.id}", group=f"{name}/{case.group}") for case in found]


def _said(problem: Exception) -> str:
    return f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)


def _ours(item: dict[str, Any], known: set[str]) -> Iterator[Case]:
    ident = _text(item["id"])
    tags = tuple(_text(tag) for tag in item.get("tags", []))
    if "turns" not in item:
        yield _case(ident, ident, (("user", _text(item["text"])),), item["tool"], item, tags, known)
        return
    messages: tuple[tuple[str, str], ...] = ()
    for number, turn in enumerate(item["turns"]):
        if "user" in turn:
            messages = (*messages, ("user", _text(turn["user"])))
            continue
        if not messages or messages[-1][0] != "user":
            raise ValueError(f"turn {number + 1} answers nothing")
        call = turn["call"] or {}
        tool = call["tool"] if call else None
        yield _case(f"{ident}/{number // 2 + 1}", ident, messages, tool, call, tags, known)
        if tool is not None:
            made = {"tool": tool, "arguments": call.get("arguments", {})}
            messages = (*messages, ("call", json.dumps(made, ensure_ascii=False)))
        messages = (*messages, ("assistant", _text(turn.get("say", "") or "Done.")))


def _case(
    ident: str,
    group: str,
    messages: tuple[tuple[str, str], ...],
    tool: str | None,
    call: dict[str, Any],
    tags: tuple[str, ...],
    known: set[str],
) -> Case:
    if tool is not None and tool not in known:
        raise ValueError(f"there is no tool {tool!r}, only {', '.join(sorted(known))}")
    objects = [call.get("arguments", {}), *call.get("accept", [])] if tool is not None else []
    right = tuple(Expected({name: (value,) for name, value in each.items()}) for each in objects)
    return Case(ident, group, messages, tool, right, tags, frozenset(call.get("free", ())))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} should be a text")
    return value


def _truth(place: Path, items: Sequence[Any], answers: str | Path | None) -> dict[str, Any]:
    """The right calls by id; for irrelevance, which has no such file, every one is that nothing is called."""
    if "irrelevance" in place.name and answers is None:
        return {item["id"]: [] for item in items}
    beside = Path(answers) if answers is not None else place.parent / ANSWERS / place.name
    if not beside.exists():
        raise EvaluationError(f"The right calls of {place.name} are not in {beside}. Name their file with --answers.")
    try:
        return {item["id"]: item["ground_truth"] for item in read_json(beside, lines=True)}
    except (KeyError, TypeError) as problem:
        raise EvaluationError(f"{beside} holds no answers of the leaderboard: {_said(problem)}.") from problem


def _leaderboard(item: dict[str, Any], truth: dict[str, Any]) -> Case:
    ident = _text(item["id"])
    if ident not in truth:
        raise ValueError(f"there is no answer for {ident}")
    talks, wanted = item["question"], truth[ident]
    if len(talks) != 1 or len(wanted) > 1:
        raise ValueError("only simple, multiple and irrelevance are measured, with one question and at most one call")
    messages = tuple((_text(each["role"]), _text(each["content"])) for each in talks[0])
    if not messages or messages[-1][0] != "user":
        raise ValueError("the last message must be the user's")
    listed = item["function"] if isinstance(item["function"], list) else [item["function"]]
    functions = tuple(_function(each) for each in listed)
    tags = (ident.rsplit("_", 1)[0],)
    if not wanted:
        return Case(ident, ident, messages, None, (), tags, functions=functions)
    ((name, arguments),) = wanted[0].items()
    return Case(ident, ident, messages, _name(name), (_expected(arguments),), tags, functions=functions)


def _name(name: str) -> str:
    """Dots are not allowed in the names of OpenAI's functions; the leaderboard puts underscores in their place, too."""
    return name.replace(".", "_")


def _expected(arguments: dict[str, list[Any]]) -> Expected:
    """The leaderboard lists the accepted values of each argument; "" among them means that it may be left out."""
    values = {name: tuple(_nested(each) for each in accepted) for name, accepted in arguments.items()}
    return Expected(values, frozenset(name for name, accepted in arguments.items() if "" in accepted))


def _nested(value: Any) -> Any:
    if isinstance(value, dict):
        return _expected({name: each if isinstance(each, list) else [each] for name, each in value.items()})
    return [_nested(each) for each in value] if isinstance(value, list) else value


def _function(item: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}, **_schema(item["parameters"])}
    return {"name": _name(_text(item["name"])), "description": _text(item["description"]), "parameters": schema}


def _schema(node: Any) -> Any:
    """The leaderboard's types (dict, float, tuple, any) as JSON schema's."""
    if isinstance(node, list):
        return [_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: _schema(each) for name, each in value.items()}
        elif key == "type" and isinstance(value, str):
            if kind := _TYPES.get(value.lower()):
                found[key] = kind
        elif key in ("items", "additionalProperties"):
            found[key] = _schema(value)
        elif key in ("description", "enum", "required", "default"):
            found[key] = value
    return found
