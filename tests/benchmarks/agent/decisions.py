"""What becomes of a new thought beside old ones: the model's word, and the memory's own rules beside it."""

from __future__ import annotations

import re
from typing import Any

from bethink.models.agent_prompts import decide_prompt
from tests.benchmarks.agent.models import OURS, open_model, percent, rows
from tests.benchmarks.report import Bar, bar, show

KINDS = ("insert", "supersede", "merge", "forget")


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    model = open_model(OURS)
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    kinds: list[bool] = []
    for row in rows("decisions"):
        old = [f"[{each['date']}] {each['text']}" for each in row["neighbours"]]
        said = model.complete(decide_prompt(f"[{row['new']['date']}] {row['new']['text']}", old), max_new_tokens=6)
        what, number = (
            re.fullmatch(r"(\w+)(?: (\d+))?", said).groups() if re.fullmatch(r"\w+(?: \d+)?", said) else ("", None)
        )  # type: ignore[union-attr]
        place = int(number) - 1 if number else -1
        which = row["neighbours"][place]["id"] if 0 <= place < len(old) else None
        kinds.append(what == row["decision"])
        right[row["decision"]].append(what == row["decision"] and (what == "insert" or which in row["which"]))
    everything = [ok for found in right.values() for ok in found]
    figures = {"right, %": percent(everything), "right kind, %": percent(kinds)} | {
        k: percent(v) for k, v in right.items()
    }
    show("Decisions, percent", ("", "right"), [(name, value) for name, value in figures.items()])
    both = percent(right["supersede"] + right["merge"])
    return [bar("supersede and merge decided right, %", both, ">=", 92)], {**figures, "supersede and merge, %": both}
