"""``python -m bethink.models.training.thoughts --n 20 --split train``: examples to read."""

from __future__ import annotations

import argparse

from bethink.models.training.thoughts.generate import TASKS, generate
from bethink.models.training.thoughts.phrases import SPLITS


def main() -> None:
    """Prints examples, the prompt without its frame."""
    parser = argparse.ArgumentParser(prog="bethink.models.training.thoughts", description="Print training examples.")
    parser.add_argument("--n", type=int, default=20, help="how many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--task", choices=TASKS, action="append", help="only this task; may be given again")
    given = parser.parse_args()
    for example in generate(given.n, given.seed, given.split, given.task or TASKS):
        said = example.prompt.split("<|im_start|>user\n", 1)[1].split("<|im_end|>", 1)[0]
        print(f"[{example.task}]\n{said}\n-> {example.answer}\n")


if __name__ == "__main__":
    main()
