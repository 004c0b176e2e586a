"""LoCoMo: ten talks, eight questions of each, evenly spaced over its kinds."""

from __future__ import annotations

from typing import Any

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.datasets import load
from tests.benchmarks.dialogue.answers import better, measure
from tests.benchmarks.report import Bar, bar

QUESTIONS = 8
NAME = "LoCoMo: scores of answers that are higher with the adapter than without, share"


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module; not measured where the set is not there."""
    try:
        talks = load("locomo")
    except EvaluationError as why:
        print(f"  not measured: {why}")
        return [bar(NAME, None, ">=", 1)], {}
    found = measure(talks, QUESTIONS)
    return [bar(NAME, better(found), ">=", 1)], found
