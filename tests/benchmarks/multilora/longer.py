"""Why MultiLoRA's mean is not above LoRA's after 100 batches: the same two, trained three times as long.

100 batches leave RTE and COPA at chance for every method, so that two of six tasks are coins tossed. Both methods at
the rate that was best for both after 100 batches, three seeds.
"""

from __future__ import annotations

from statistics import mean
from typing import Any

from tests.benchmarks.multilora.comparison import METHODS, SEEDS, Runs, interval, means
from tests.benchmarks.multilora.tasks import folder
from tests.benchmarks.report import Bar, bar, show

STEPS, LR = 300, 4e-3
NAME = f"mean of MultiLoRA over LoRA after {STEPS} batches"


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    place = folder()
    if place is None:
        return [bar(NAME, None, ">=", 0)], {}
    runs, names = Runs(place), ("LoRA", "MultiLoRA")
    jobs = [runs.job({**METHODS[name], "steps": STEPS}, LR, seed, test=True) for seed in SEEDS for name in names]
    figures = runs.do(jobs)
    found = {name: figures[i :: len(names)] for i, name in enumerate(names)}
    rights = {name: means(each) for name, each in found.items()}
    low, high = interval(rights["MultiLoRA"] - rights["LoRA"])
    over = float((rights["MultiLoRA"] - rights["LoRA"]).mean())
    table = {
        name: {
            "tasks": {t: round(mean(f["scores"]["test"][t] for f in each), 1) for t in each[0]["rights"]},
            "mean": round(float(rights[name].mean()), 2),
            "means by seed": [round(f["scores"]["test"]["mean"], 2) for f in each],
            "loss": round(mean(f["loss"] for f in each), 3),
            "top1_share": round(mean(f["probes"][-1]["top1_share"] for f in each), 3),
            "effective_rank": round(mean(f["probes"][-1]["effective_rank"] for f in each), 2),
            "energy_j": round(mean(f["energy_j"] for f in each)),
        }
        for name, each in found.items()
    }
    tasks = list(table["LoRA"]["tasks"])
    show(
        f"After {STEPS} batches, percent right, means of three seeds",
        ("", *tasks, "mean", "loss", "top-1 share", "effective rank"),
        [
            (n, *(t["tasks"][k] for k in tasks), t["mean"], t["loss"], t["top1_share"], t["effective_rank"])
            for n, t in table.items()
        ],
    )
    return [bar(NAME, round(over, 2), ">=", 0)], {
        "steps": STEPS,
        "lr": LR,
        "methods": table,
        "over": [round(over, 2), round(low, 2), round(high, 2)],
    }
