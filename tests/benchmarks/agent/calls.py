"""Requests and dialogues written by hand: the right tool with the right arguments, or none."""

from __future__ import annotations

from typing import Any

from bethink.agents.evaluation.tool_calls import ALL, Asker, by_tool, costs_of, evaluate, mistakes
from bethink.agents.evaluation.tool_data import load_cases
from bethink.models.embedder import SentenceEmbedder
from bethink.tools import all_tools
from tests.benchmarks.agent.models import DATA, OURS, evenly, names, open_model
from tests.benchmarks.report import Bar, bar, show

SHOWN = {"tool": "choice", "called": "called", "arguments": "all arguments", "silent": "silent", "invented": "invented"}
"""The scores of :mod:`bethink.agents.evaluation.tool_calls`, in percent."""


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    tools, embedder = all_tools(), SentenceEmbedder()
    sets = {name: evenly(load_cases(DATA / f"{name}.jsonl", tools)) for name in ("requests", "dialogues")}
    found: dict[str, Any] = {}
    for model in names():
        asker = Asker(open_model(model), tools, embedder)
        for name, cases in sets.items():
            rows = list(evaluate(cases, asker))
            one = {label: _percent(by_tool(rows)[ALL], score) for score, label in SHOWN.items()}
            tools_of = {kind: _percent(scores, "arguments") for kind, scores in by_tool(rows).items() if kind != ALL}
            costs = costs_of(rows)
            one |= {"s": round(costs["seconds_median"], 2), "tokens in": costs["tokens_in_median"]}
            found.setdefault(name, {})[model] = {**one, "arguments by tool": tools_of, "mistakes": mistakes(rows)}
    labels = [*SHOWN.values(), "s", "tokens in"]
    for name, models in found.items():
        show(
            f"{name}: {len(sets[name])} cases, percent",
            ("", *labels),
            [(m, *(f[k] for k in labels)) for m, f in models.items()],
        )
    ours, dialogues = found["requests"][OURS], found["dialogues"][OURS]
    return [
        bar("requests: the right tool, or none, %", ours["choice"], ">=", 95),
        bar("requests: all arguments right, where a tool is needed, %", ours["all arguments"], ">=", 88),
        bar("requests: nothing called where nothing should be, %", ours["silent"], ">=", 97),
        bar("dialogues: all arguments right, where a tool is needed, %", dialogues["all arguments"], ">=", 0),
    ], found


def _percent(scores: Any, name: str) -> float | None:
    return round(100 * scores[name].mean, 1) if name in scores else None
