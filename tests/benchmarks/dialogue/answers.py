"""One set of dialogues through the agent's memory and its models, with and without the adapter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.dialogue import Plan, evaluate
from bethink.agents.evaluation.memories import open_memory
from bethink.agents.evaluation.runs import Row
from bethink.agents.evaluation.summary import ALL, costs, scores
from bethink.models.embedder import SentenceEmbedder
from bethink.models.registry import ADAPTED, BASE, load_chat_model
from tests.benchmarks.report import show

RUNS = {
    "adapter": (ADAPTED, "default"),
    "base": (BASE, "default"),
    "adapter, full context": (ADAPTED, "full-context"),
}
WHOLE_BUDGET = 2048
"""Tokens of the latest turns, where no memory chooses: a quarter of what the model can read."""
ANSWERS = ("rests_on_recalled", "f1", "rouge_l", "holds_gold", "abstention")
"""Scores of answers, each the better the higher."""


def measure(conversations: Any, questions: int | None) -> dict[str, Any]:
    """Scores with their intervals and costs of each of :data:`RUNS`; ``questions`` of each conversation, or all."""
    embedder = SentenceEmbedder()
    found: dict[str, Any] = {}
    for name, (spec, memory) in RUNS.items():
        print(f"  {name}", file=sys.stderr, flush=True)
        whole = memory == "full-context"
        plan = Plan(budget=WHOLE_BUDGET if whole else 512, whole=whole, limit=questions, suites=("questions",))
        model = load_chat_model(spec, max_new_tokens=60)

        def opened(folder: Path, memory: str = memory) -> Any:
            return open_memory(memory, folder, embedder)

        rows: list[Row] = list(evaluate(conversations, opened, model, plan))
        each = scores(rows)["questions"][ALL]
        found[name] = {
            "scores": {score: value.as_dict() for score, value in each.items()},
            "costs": costs(rows),
            "samples": [row.detail["question"] + " -> " + row.detail["answer"][:160] for row in _questions(rows)[:8]],
        }
    shown = [score for score in ("any@prompt", *ANSWERS) if score in found["adapter"]["scores"]]
    lines = [
        (name, *(round(run["scores"][s]["mean"], 3) for s in shown), run["costs"]["answer_s_median"])
        for name, run in found.items()
    ]
    show("Answers", ("", *shown, "s"), lines)
    return found


def _questions(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.suite == "questions"]


def better(found: dict[str, Any]) -> float:
    """The share of the answers' scores that are higher with the adapter than without."""
    ours, base = found["adapter"]["scores"], found["base"]["scores"]
    known = [score for score in ANSWERS if score in ours and score in base]
    return sum(ours[score]["mean"] > base[score]["mean"] for score in known) / len(known)
