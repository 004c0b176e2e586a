"""Six real tasks of different kinds as prompts and answers: a call, two kinds of intents, entailment twice, causes.

Tests are the sets' own test or development parts; validation is cut from the end of the training part.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bethink.models.training.examples import Example

TRAIN, VALIDATION, TEST = 400, 60, 200
LONGEST = 320
"""Characters of a text of RTE or CB; longer ones are left out of training and validation, not of the test."""


@dataclass(frozen=True)
class Sets:
    """Examples for training, for choosing a rate, and for the test."""

    train: list[Example]
    validation: list[Example]
    test: list[Example]


def folder() -> Path | None:
    """The folder of the sets, or None."""
    named = os.environ.get("BETHINK_MULTITASK_DATA")
    if not named:
        print("  BETHINK_MULTITASK_DATA names no folder: what needs a set is not measured.", file=sys.stderr)
    return Path(named) if named else None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        if path.name.endswith(".tsv.gz"):
            names = next(file).rstrip("\n").split("\t")
            yield from (dict(zip(names, line.rstrip("\n").split("\t"), strict=True)) for line in file)
        else:
            yield from (json.loads(line) for line in file)


def _snips(row: dict[str, Any]) -> tuple[str, str]:
    call = json.dumps({"name": row["tool"], "arguments": row["args"]}, ensure_ascii=False)
    return f"Request: {row['text'].strip()}\nCall:", f" {call}"


def _clinc(row: dict[str, Any]) -> tuple[str, str]:
    return f"Request: {row['text']}\nDomain:", f" {(row['domain'] or 'none').replace('_', ' ')}"


def _banking(row: dict[str, Any]) -> tuple[str, str]:
    return f"Bank customer: {row['text'].strip()}\nTopic:", f" {row['label'].replace('_', ' ').lower()}"


def _rte(row: dict[str, Any]) -> tuple[str, str]:
    answer = " true" if row["label"] == "entailment" else " false"
    return f"{row['sentence1']}\nTrue or false? {row['sentence2']}\nAnswer:", answer


def _cb(row: dict[str, Any]) -> tuple[str, str]:
    answer = {"entailment": " true", "contradiction": " false", "neutral": " neither"}[row["label"]]
    return f"{row['premise']}\nTrue, false or neither? {row['hypothesis']}\nAnswer:", answer


def _copa(row: dict[str, Any]) -> tuple[str, str]:
    asked = "What was the cause?" if row["question"] == "cause" else "What happened then?"
    choices = f"A: {row['choice1']}\nB: {row['choice2']}"
    return f"{row['premise']} {asked}\n{choices}\nAnswer:", " A" if row["label"] == 0 else " B"


READ: dict[str, tuple[str, str, Callable[[dict[str, Any]], tuple[str, str]]]] = {
    "snips": ("snips_train", "snips_validate", _snips),
    "clinc": ("clinc150_train", "clinc150_test", _clinc),
    "banking": ("banking77_train", "banking77_test", _banking),
    "rte": ("glue_rte_train", "glue_rte_dev", _rte),
    "cb": ("superglue_cb_train", "superglue_cb_val", _cb),
    "copa": ("superglue_copa_train", "superglue_copa_val", _copa),
}


def load(place: Path) -> Sets:
    """All six tasks: at most 400 examples each for training, 60 for validation, 200 for the test; always the same."""
    sets = Sets([], [], [])
    for task, (train, test, read) in READ.items():
        known = _some(_file(place, train), task, read, LONGEST)
        held = min(VALIDATION, len(known) // 5)
        sets.train.extend(known[held : held + TRAIN])
        sets.validation.extend(known[:held])
        sets.test.extend(_some(_file(place, test), task, read, None)[:TEST])
    return sets


def _file(place: Path, name: str) -> Path:
    return next(path for path in (place / f"{name}.jsonl.gz", place / f"{name}.tsv.gz") if path.exists())


def _some(
    path: Path, task: str, read: Callable[[dict[str, Any]], tuple[str, str]], longest: int | None
) -> list[Example]:
    rows = list(_rows(path))
    random.Random(0).shuffle(rows)
    if task == "clinc":  # out-of-scope requests are few; they come first, as a quarter of what is used
        apart = [row for row in rows if row["domain"] is None]
        wanted = (VALIDATION + TRAIN) // 4 if longest else TEST // 4
        rows = _woven(apart[:wanted], [row for row in rows if row["domain"] is not None])
    examples = [Example(task, *read(row)) for row in rows]
    return [e for e in examples if longest is None or len(e.prompt) <= longest]


def _woven(few: list[Any], many: list[Any]) -> list[Any]:
    """Three of the many, one of the few, and so on."""
    out: list[Any] = []
    for i, row in enumerate(few):
        out += [*many[3 * i : 3 * i + 3], row]
    return out + many[3 * len(few) :]
