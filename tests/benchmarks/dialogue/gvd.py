"""GVD, English: all 100 questions; where a question names a day with a talk, whether something of that day is found."""

from __future__ import annotations

from typing import Any

from bethink.agents.evaluation.datasets import load
from tests.benchmarks.dialogue.answers import better, measure
from tests.benchmarks.report import Bar, bar


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    found = measure(load("gvd"), None)
    ours = found["adapter"]["scores"]
    return [
        bar("GVD: share of questions with evidence where some of it is shown to the model", _mean(ours), ">=", 0),
        bar("GVD: answers that rest on what was recalled, share", ours["rests_on_recalled"]["mean"], ">=", 0),
        bar("GVD: scores of answers that are higher with the adapter than without, share", better(found), ">=", 1),
    ], found


def _mean(scores: dict[str, Any]) -> float | None:
    return scores["any@prompt"]["mean"] if "any@prompt" in scores else None
