"""The agent's six tasks by one MultiLoRA, one LoRA, and one LoRA a task: equal parameters, equal examples, three seeds.

Scored by how many answers to phrasings of held-out families greedy decoding gives to the letter. Runs are kept in
``docs/results/agent_mix_runs.jsonl`` as they end, so that they can be spread over days. Two run side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import mean
from typing import Any

import numpy as np

from bethink.models.training.agent import examples
from tests.benchmarks.multilora.comparison import interval
from tests.benchmarks.report import RESULTS, ROOT, Bar, bar, commit, show

STEPS, BATCH, LR = 150, 16, 4e-3
SEEDS = (1, 2, 3)
SHARES = {"call": 0.37, "talk": 0.12, "report": 0.07, "extract": 0.18, "decide": 0.12, "answer": 0.14}
"""Of the generated examples; the same for all runs, whatever the next training takes."""
HELD = 60
"""Of each task, from families of phrasings that training does not see."""
RUNS = RESULTS / "agent_mix_runs.jsonl"
ALONE = {"call": 2, "report": 2, "extract": 2, "talk": 1, "decide": 1, "answer": 1}
"""Ranks of the adapters of one task each: nine in all, as the others have; the tasks with long answers have two."""
METHODS: dict[str, dict[str, Any]] = {
    "MultiLoRA": {"method": "multilora", "num_modules": 3, "r": 3, "lora_alpha": 6.0},
    "LoRA": {"method": "lora", "r": 9, "lora_alpha": 18.0},
    "one LoRA a task": {"method": "lora"},
}
"""All multiply their update by 2."""


@cache
def _sets() -> tuple[list[Any], list[Any]]:
    drawn = round(STEPS * BATCH * 1.1)
    train = [each for task, share in SHARES.items() for each in examples(task, round(share * drawn), 7, "train")]
    held = [each for task in SHARES for each in examples(task, HELD, 7, "test")]
    return train, held


def one(name: str, seed: int) -> dict[str, Any]:
    """Train and score one way of arranging the adapters; the figures of all of its adapters together."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from bethink.models.convert import smollm2_folder
    from bethink.models.training.batches import exact_match
    from bethink.models.training.examples import encode
    from bethink.models.training.settings import TrainingSettings
    from bethink.models.training.trainer import adapted, half_precision, train

    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder())
    train_set, held = (encode(rows, tokenizer, 512)[0] for rows in _sets())
    groups = [[task] for task in SHARES] if name == "one LoRA a task" else [list(SHARES)]
    rights: dict[str, str] = {}
    costs = {"parameters": 0, "train_s": 0.0, "energy_j": 0.0, "tokens": 0}
    for tasks in groups:
        alone = {"r": ALONE[tasks[0]], "lora_alpha": 2.0 * ALONE[tasks[0]]} if len(tasks) == 1 else {}
        steps = max(1, round(STEPS * sum(SHARES[task] for task in tasks)))
        common: dict[str, Any] = {"lr": LR, "steps": steps, "batch_size": BATCH, "temperature": 1.0, "seed": seed}
        settings = TrainingSettings(**{**METHODS[name], **alone, **common})
        half = half_precision(settings)
        base = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.bfloat16 if half else torch.float32)
        model = adapted(base, settings)
        mine = [each for each in train_set if each.task in tasks]
        with tempfile.TemporaryDirectory(prefix="bethink-bench-") as folder:
            done = train(model, mine, settings, folder, keep_checkpoints=False)
        model.eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            for task in tasks:
                rights[task] = "".join("01"[ok] for ok in exact_match(model, [e for e in held if e.task == task]))
        costs["parameters"] += sum(p.numel() for p in model.parameters() if p.requires_grad)
        costs["train_s"] += done.wall_s
        costs["energy_j"] += done.energy_j
        costs["tokens"] += done.tokens
    return {"rights": rights, **{key: round(value) for key, value in costs.items()}}


def _known() -> dict[tuple[str, int], dict[str, Any]]:
    lines = RUNS.read_text(encoding="utf-8").splitlines() if RUNS.exists() else []
    return {(row["method"], row["seed"]): row["figures"] for row in map(json.loads, lines)}


def _start(job: tuple[str, int]) -> dict[str, Any]:
    print(f"  {job[0]}, seed {job[1]}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "tests.benchmarks.agent.mix", job[0], str(job[1])]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"A training failed: {job}\n{done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with RUNS.open("a", encoding="utf-8") as file:
        row = {"method": job[0], "seed": job[1], "commit": commit(), "figures": figures}
        file.write(json.dumps(row) + "\n")
    return figures


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    known = _known()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_start, [(name, s) for s in SEEDS for name in METHODS if (name, s) not in known]))
    known = _known()
    table: dict[str, Any] = {}
    rights = {name: [_rights(known[name, seed]) for seed in SEEDS] for name in METHODS}
    for name, rows in rights.items():
        figures = [known[name, seed] for seed in SEEDS]
        low, high = interval(100 * (np.array(rows) - np.array(rights["LoRA"])))
        over = 100 * float(np.mean(rows) - np.mean(rights["LoRA"]))
        table[name] = {
            "tasks": {t: round(100 * mean(_share(each["rights"][t]) for each in figures), 1) for t in SHARES},
            "mean": round(100 * float(np.mean(rows)), 2),
            "over LoRA": [round(over, 2), round(low, 2), round(high, 2)],
            **{key: round(mean(each[key] for each in figures)) for key in ("parameters", "train_s", "energy_j")},
        }
    show(
        f"Exact answers to held-out phrasings, percent ({STEPS} steps of {BATCH}, three seeds)",
        ("", *SHARES, "mean", "over LoRA, 95 %", "parameters", "s", "J (estimated)"),
        [
            (n, *t["tasks"].values(), t["mean"], "{:+} ({:+} to {:+})".format(*t["over LoRA"]), t["parameters"],
             t["train_s"], t["energy_j"])
            for n, t in table.items()
        ],
    )  # fmt: skip
    return [
        bar("mix: mean of MultiLoRA over LoRA, points", table["MultiLoRA"]["over LoRA"][0], ">=", 0),
        bar(
            "mix: mean of MultiLoRA over one LoRA a task, points",
            table["MultiLoRA"]["mean"] - table["one LoRA a task"]["mean"], ">=", 0,
        ),
    ], {"steps": STEPS, "batch": BATCH, "lr": LR, "methods": table}  # fmt: skip


def _share(rights: str) -> float:
    return rights.count("1") / len(rights)


def _rights(figures: dict[str, Any]) -> list[float]:
    """Right or not of every held-out example; tasks have equally many, so a mean over examples is one over tasks."""
    return [float(c) for task in SHARES for c in figures["rights"][task]]


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
