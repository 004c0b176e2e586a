"""Where the sets are, an embedder that keeps what it embedded, and the measure."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from bethink.agents.evaluation.conversations import Conversation, Question
from bethink.models.embedder import SentenceEmbedder

KS = (5, 10, 20)
Found = Callable[[str], list[tuple[str, ...]]]
"""A question in, the source turns of each recalled item out, best first (at least the greatest of KS, if there are)."""


def folder() -> Path | None:
    """The folder of the sets, or None."""
    named = os.environ.get("BETHINK_DIALOGUE_DATA")
    if not named:
        print("  BETHINK_DIALOGUE_DATA names no folder: what needs a set is not measured.", file=sys.stderr)
    return Path(named) if named else None


class Remembering:
    """MiniLM with its vectors kept by text, so that ten memories of the same turns embed them once."""

    def __init__(self) -> None:
        self._model, self._kept = SentenceEmbedder(), {}
        self.name, self.dim = self._model.name, self._model.dim

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, dim)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        self._kept.update(zip(new, self._model.embed(new), strict=True))
        return np.stack([self._kept[text] for text in texts]) if texts else np.zeros((0, self.dim), np.float32)


def asked(conversation: Conversation, adversarial: bool = False) -> list[Question]:
    """The questions that have evidence; those meant to mislead apart."""
    return [q for q in conversation.questions if q.evidence and (q.kind == "adversarial") == adversarial]


def recalls(found: Found, questions: Sequence[Question]) -> list[dict[str, float | str]]:
    """For each question the share of its evidence within the first k items, for each k."""
    rows = []
    for question in questions:
        items, wanted = found(question.text), set(question.evidence)
        row: dict[str, float | str] = {"kind": question.kind}
        for k in KS:
            got = {turn for sources in items[:k] for turn in sources}
            row[f"@{k}"] = len(got & wanted) / len(wanted)
        rows.append(row)
    return rows


def share(rows: Sequence[dict[str, float | str]], k: int, kind: str | None = None) -> float:
    """Mean recall in percent."""
    chosen = [float(row[f"@{k}"]) for row in rows if kind is None or row["kind"] == kind]
    return 100 * mean(chosen) if chosen else float("nan")
