"""The training of the adapter that comes with the package: its examples, its settings, and what is packaged of it.

``python -m bethink.models.training.agent examples FOLDER`` writes examples and settings, ``bethink train adapter
FOLDER/agent.toml --out ADAPTER`` trains, and ``python -m bethink.models.training.agent pack ADAPTER`` puts the adapter
and its card where the model ``bethink`` looks for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bethink.models.training import calls, thoughts, written
from bethink.models.training.examples import Example

SHARES: Mapping[str, float] = {
    "call": 0.26,
    "talk": 0.14,
    "report": 0.03,
    "extract": 0.19,
    "decide": 0.11,
    "answer": 0.27,
}
"""Of the examples. A call has many arguments to learn; what becomes of a thought is one word."""
WRITTEN: Mapping[str, float] = {"call": 0.7, "talk": 0.78, "extract": 0.6, "decide": 0.6, "answer": 0.88}
"""Of a task's examples, those that were written one by one: in 20,000, about each line once; the others are made by the
generators."""
SETTINGS = """\
# {examples:,} examples of six tasks, each seen about once; the shares are those of the files.
base = "smollm2"
method = "multilora"
num_modules = 3
r = 3
lora_alpha = 6.0
lr = 3e-3
warmup = 0.05
length_exponent = 0.5
max_grad_norm = 4.0
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
    """``n`` examples of one task by its generator.

    Raises:
        ValueError: an unknown task or split.
    """
    generator = calls if task in calls.TASKS else thoughts
    return generator.generate(n, seed, split, [task])


def write(folder: Path, n: int, seed: int = 0, held: int = 60) -> Path:
    """Write about ``n`` examples, ``held`` for validation of each task, and the settings; the settings' file.

    Validation asks written examples apart from made ones, as tasks of their own ("written call").

    Cost: linear in ``n``.

    Raises:
        ValueError: fewer examples than tasks can share.
    """
    if n < 100 or held < 1:
        raise ValueError(f"Ask for at least 100 examples (given: {n}) and one of each task for validation ({held}).")
    folder.mkdir(parents=True, exist_ok=True)
    for task, share in SHARES.items():
        number = round(share * n)
        by_hand = round(number * WRITTEN.get(task, 0))
        made = examples(task, number - by_hand, seed, "train")
        _save(
            folder / f"{task}.train.jsonl",
            [*made, *(written.generate(by_hand, seed, "train", [task]) if by_hand else [])],
        )
        _save(folder / f"{task}.validation.jsonl", examples(task, held, seed, "validation"))
    others = written.generate(held * len(written.TASKS), seed, "validation")
    _save(folder / "written.validation.jsonl", [replace(row, task=f"written {row.task}") for row in others])
    files = {
        "train": "\n".join(f'{task} = "{task}.train.jsonl"' for task in SHARES),
        "validation": "\n".join(f'{task} = "{task}.validation.jsonl"' for task in (*SHARES, "written")),
    }
    place = folder / "agent.toml"
    place.write_text(SETTINGS.format(examples=n, steps=max(1, round(n / 16)), **files), encoding="utf-8")
    return place


def _save(place: Path, rows: Sequence[Example]) -> None:
    place.write_text("".join(json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


CARD = """\
---
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
library_name: peft
license: apache-2.0
language: en
tags: [multilora, tool-calling, memory]
---

# Bethink's adapter of SmolLM2-135M-Instruct

{added:,} parameters ({percent} % of the base's) in {modules} modules of rank {r} on every linear layer (MultiLoRA,
arXiv 2311.11501). It makes a model of 135 million parameters call Bethink's tools, read what is worth remembering out
of a turn, decide what becomes of a thought beside older ones, and answer from recalled thoughts or say that it does not
know.

## What it was trained on

Sentences that Bethink's own generators wrote (`models/training/calls`, `models/training/thoughts`): phrasings of
people's requests and of what they tell, with typos, registers, numbers, units and names of many places; and, as a part
of all tasks but report, sentences that a language model wrote one by one (`models/training/written`). No chat of
anybody's is in them. Phrasings of validation belong to families, or themes, that training never sees; the rows
"written" ask those written one by one.

| task | examples | exact match on {held} others, % |
|---|---|---|
{tasks}

An exact match is an answer that greedy decoding gives to the letter; there are other right answers.

## How

{steps:,} steps of {batch} examples, {tokens:,} tokens, AdamW, rate {lr:g} falling linearly, seed {seed}; the loss is
the mean over examples of the mean over their answer's n tokens, times n^{power:g}. It took {minutes:.0f} minutes of
wall time and {cpu:.0f} of processor time, {kj:.0f} kJ (estimated from processor time).{before}

## What it is not good for

It knows the names and arguments of Bethink's tools by heart, and no others'. English only. It makes up facts that
nobody told, as its base does; what it extracts is kept only where the words stand in the text, and what it says of a
tool's result stands beside the result itself. What it gets wrong is in docs/results.md of the repository.

Its base is known by the SHA-256 of its weights, `{sha}`; on others it is refused.
"""


BEFORE = """

It went on from an adapter that had seen {examples:,} other examples in {steps:,} steps: {tokens:,} tokens,
{minutes:.0f} minutes, {kj:.0f} kJ (estimated)."""


def _row(task: Mapping[str, Any]) -> str:
    trained = f"{task['trained_on']:,}" if "trained_on" in task else ""
    return f"| {task['task']} | {trained} | {task.get('value', '')} |"


def _told(before: Mapping[str, Any]) -> str:
    """A training that went before."""
    cost = before["training"]
    return BEFORE.format(
        examples=sum(task.get("trained_on", 0) for task in before["tasks"]),
        steps=cost["steps"],
        tokens=cost["tokens"],
        minutes=cost["wall_s"] / 60,
        kj=cost["energy_j_estimated"] / 1000,
    )


def pack(trained: Path, to: Path) -> Path:
    """Put a trained adapter into the package: weights in bfloat16, PEFT's config, both cards. The chat template stays.

    Args:
        trained: what ``bethink train adapter`` wrote.
        to: the folder of :data:`bethink.models.adapted.PACKAGED`, or another.

    Raises:
        AdapterError: no adapter there, one that is not of MultiLoRA, or one without a whole card.
    """
    import torch
    from safetensors.torch import save_file

    from bethink.models import adapter_folder as files

    tensors = {name: value.to(torch.bfloat16).contiguous() for name, value in files.tensors_of(trained).items()}
    config, card = files.read_json(trained / files.CONFIG), files.read_json(trained / files.CARD)
    added = sum(value.numel() for value in tensors.values())
    if config.get("peft_type") != "MULTILORA" or not {"base", "tasks", "training", "settings"} <= card.keys():
        raise files.AdapterError(f"{trained} holds no MultiLoRA adapter that `bethink train adapter` has finished.")
    cost, made = card["training"], card["settings"]
    text = CARD.format(
        added=added,
        percent=round(100 * added / card["base"]["parameters"], 1),
        modules=config["num_modules"],
        r=config["r"],
        held=max(task.get("n", 0) for task in card["tasks"]),
        tasks="\n".join(_row(each) for each in card["tasks"]),
        steps=cost["steps"],
        batch=made["batch_size"],
        tokens=cost["tokens"],
        lr=made["lr"],
        seed=made["seed"],
        power=made.get("length_exponent", 0),
        minutes=cost["wall_s"] / 60,
        cpu=cost["cpu_s"] / 60,
        kj=cost["energy_j_estimated"] / 1000,
        sha=card["base"]["sha256"],
        before="".join(_told(each) for each in card.get("before", [])),
    )
    to.mkdir(parents=True, exist_ok=True)
    save_file(tensors, to / files.WEIGHTS, {"format": "pt"})
    for name, value in ((files.CONFIG, config), (files.CARD, card)):
        (to / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (to / "README.md").write_text(text, encoding="utf-8")
    return to


def main() -> None:
    """See the module."""
    from bethink.models.adapted import PACKAGED

    parser = argparse.ArgumentParser(prog="python -m bethink.models.training.agent", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    make = steps.add_parser("examples", help="write examples and settings")
    make.add_argument("folder", type=Path)
    make.add_argument("--n", type=int, default=12_000, help="examples")
    make.add_argument("--seed", type=int, default=0)
    put = steps.add_parser("pack", help="put a trained adapter into the package")
    put.add_argument("folder", type=Path)
    put.add_argument("--to", type=Path, default=PACKAGED)
    chosen = parser.parse_args()
    try:
        made = chosen.step == "examples"
        print(write(chosen.folder, chosen.n, chosen.seed) if made else pack(chosen.folder, chosen.to))
    except ValueError as why:
        parser.error(str(why))


if __name__ == "__main__":
    main()
