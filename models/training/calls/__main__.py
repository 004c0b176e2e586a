"""``python -m bethink.models.training.calls --n 20 --split train``: some examples to look at."""

from __future__ import annotations

import argparse

from bethink.models.training.calls import SPLITS, TASKS, generate

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bethink.models.training.calls", description=__doc__)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    chosen = parser.parse_args()
    for example in generate(chosen.n, chosen.seed, chosen.split, chosen.tasks):
        turns = example.prompt.replace("<|im_end|>", "").split("<|im_start|>")[2:-1]
        print(f"[{example.task}]", *(turn.strip().replace("\n", "\n    ") for turn in turns), sep="\n  ")
        print(f"  => {example.answer}\n")
