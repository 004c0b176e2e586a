"""What becomes of a new thought beside old ones, by the model's judgement as the memory asks for it, and by one word."""

from __future__ import annotations

import re
from typing import Any

from bethink.memory.trained_decide import judge
from bethink.models.agent_prompts import decide_prompt
from tests.benchmarks.agent.models import OURS, open_model, percent, rows
from tests.benchmarks.report import Bar, bar, show

KINDS = ("insert", "supersede", "merge", "forget")


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    model = open_model(OURS)
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    kinds: list[bool] = []
    at_once: list[bool] = []
    for row in rows("decisions"):
        new = f"[{row['new']['date']}] {row['new']['text']}"
        old = [f"[{each['date']}] {each['text']}" for each in row["neighbours"]]

        def fits(what: str, place: int | None, row: dict[str, Any] = row) -> bool:
            which = (
                row["neighbours"][place]["id"] if place is not None and 0 <= place < len(row["neighbours"]) else None
            )
            return bool(what == row["decision"] and (what == "insert" or which in row["which"]))

        found = judge(model.likelihoods, new, old)
        kinds.append(found.what == row["decision"])
        right[row["decision"]].append(fits(found.what, found.which))
        said = re.fullmatch(r"(\w+)(?: (\d+))?", model.complete(decide_prompt(new, old), max_new_tokens=6))
        at_once.append(said is not None and fits(said[1], int(said[2]) - 1 if said[2] else None))
    everything = [ok for found in right.values() for ok in found]
    figures = {
        "right, %": percent(everything),
        "right kind, %": percent(kinds),
        **{kind: percent(found) for kind, found in right.items()},
        "right by one word in the order given, %": percent(at_once),
    }
    show("Decisions, percent", ("", "right"), list(figures.items()))
    both = percent(right["supersede"] + right["merge"])
    return [bar("supersede and merge decided right, %", both, ">=", 92)], {**figures, "supersede and merge, %": both}
