"""Answers judged by people, in a CSV: the three scales of Think-in-Memory (arXiv 2311.08719).

``retrieval`` is 1 where what was recalled belongs to the question, else 0; ``correctness`` and ``coherence`` are 0, 0.5
or 1. An empty cell is not judged. The rows are shuffled (seed fixed), so that nobody judges a conversation in a row.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.runs import Row

SCALES = {"retrieval": (0.0, 1.0), "correctness": (0.0, 0.5, 1.0), "coherence": (0.0, 0.5, 1.0)}
COLUMNS = ("id", "question", "right_answer", "answer", "recalled", *SCALES)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def label_sheet(rows: Sequence[Row]) -> str:
    """The CSV of a run's answered questions, the scales empty."""
    answered = [row for row in rows if row.suite == "questions" and row.detail.get("answer")]
    random.Random(0).shuffle(answered)
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in answered:
        detail = row.detail
        gold = detail["gold"] or ("" if detail["answerable"] else "(nothing was said of it)")
        recalled = "\n".join(item["text"] for item in detail["recalled"][: detail["shown"]])
        cells = (row.id, detail["question"], gold, detail["answer"], recalled)
        writer.writerow([*(_inert(cell) for cell in cells), *("" for _ in SCALES)])
    return body.getvalue()


def _inert(cell: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; behind an apostrophe it does not."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def read_labels(path: str | Path, rows: Sequence[Row]) -> list[Row]:
    """What was judged in a sheet, as rows of the suite ``labels``; the kinds and groups are those of the run's rows.

    Raises:
        EvaluationError: the sheet cannot be read, is of another run, or holds a value that is not on its scale.
    """
    place = Path(path)
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            sheet = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise EvaluationError(f"{place} cannot be read as a CSV in UTF-8: {problem}.") from problem
    known = {row.id: row for row in rows if row.suite == "questions"}
    found = []
    for number, line in enumerate(sheet, 2):
        row = known.get((line.get("id") or "").removeprefix("'"))
        if row is None:
            raise EvaluationError(f"Line {number} of {place} is of no question of this run (id {line.get('id')!r}).")
        scores = {}
        for scale, steps in SCALES.items():
            cell = (line.get(scale) or "").strip().replace(",", ".")
            if not cell:
                continue
            try:
                value = float(cell)
            except ValueError:
                value = -1.0
            if value not in steps:
                wanted = ", ".join(f"{step:g}" for step in steps)
                raise EvaluationError(f"Line {number} of {place}: {scale} is {cell!r}; it must be one of {wanted}.")
            scores[scale] = value
        if scores:
            found.append(Row("labels", row.id, row.group, row.kind, scores))
    return found
