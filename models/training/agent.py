"""The training of the adapter that comes with the package: its examples and its settings.

``python -m bethink.models.training.agent FOLDER`` writes them; ``bethink train adapter FOLDER/agent.toml`` trains.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from bethink.models.training import calls, thoughts
from bethink.models.training.examples import Example

SHARES: Mapping[str, float] = {
    "call": 0.42,
    "talk": 0.12,
    "report": 0.1,
    "extract": 0.16,
    "decide": 0.08,
    "answer": 0.12,
}
"""Of the examples. A call has many arguments to learn; what becomes of a thought is one word."""
SETTINGS = """\
# {examples:,} examples of six tasks, each seen about once; the shares are those of the files.
base = "smollm2"
method = "multilora"
num_modules = 3
r = 3
lora_alpha = 6.0
lr = 3e-3
temperature = 1.0
batch_size = 16
steps = {steps}
save_every = 50
max_length = 512

[examples]
{train}

[validation]
{validation}
"""
"""3 modules of rank 3 are 2.4 % of SmolLM2's parameters."""


def examples(task: str, n: int, seed: int, split: str) -> list[Example]:
    """``n`` examples of one task.

    Raises:
        ValueError: an unknown task or split.
    """
    generator = calls if task in calls.TASKS else thoughts
    return generator.generate(n, seed, split, [task])


def write(folder: Path, n: int, seed: int = 0, held: int = 100) -> Path:
    """Write about ``n`` examples, ``held`` for validation of each task, and the settings; the settings' file.

    Cost: linear in ``n``.

    Raises:
        ValueError: fewer examples than tasks can share.
    """
    if n < 100 or held < 1:
        raise ValueError(f"Ask for at least 100 examples (given: {n}) and one of each task for validation ({held}).")
    folder.mkdir(parents=True, exist_ok=True)
    for task, share in SHARES.items():
        for split, number in (("train", round(share * n)), ("validation", held)):
            rows = examples(task, number, seed, split)
            lines = (json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{task}.{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    files = {
        split: "\n".join(f'{task} = "{task}.{split}.jsonl"' for task in SHARES) for split in ("train", "validation")
    }
    place = folder / "agent.toml"
    place.write_text(SETTINGS.format(examples=n, steps=max(1, round(n / 16)), **files), encoding="utf-8")
    return place


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bethink.models.training.agent", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=12_000, help="examples")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print(write(chosen.folder, chosen.n, chosen.seed))
