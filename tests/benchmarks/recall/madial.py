"""MADial-Bench EN: the memories that belong to a talk, the same settings as everywhere, beside exact cosine and BM25."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import remember_thoughts
from bethink.agents.evaluation.madial import load_madial
from bethink.memory import ThoughtMemory
from bethink.memory.lexical import BM25
from tests.benchmarks.recall.data import Remembering, folder
from tests.benchmarks.report import Bar, bar, show

KS = (1, 5, 10, 20)
USER = "u"


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    place = folder()
    if place is None:
        return [bar(f"MADial-Bench, @{k} over exact", None, ">=", 0) for k in KS], {}
    memories, talks = load_madial(place)
    embedder, words = Remembering(), BM25()
    for memory in memories:
        words.append(memory.text)
    found: dict[str, list[list[str]]] = {}
    for mode in ("exact", "auto"):
        with (
            tempfile.TemporaryDirectory(prefix="bethink-bench-") as folder_,
            ThoughtMemory(Path(folder_), embedder, recall_mode=mode) as memory_,  # type: ignore[arg-type]
        ):
            remember_thoughts(memory_, memories, USER)
            found[mode] = [
                [hit.thought.source_turns[0] for hit in memory_.search(talk.query, user_id=USER, k=max(KS))]
                for talk in talks
            ]
    found["BM25"] = [
        [memories[i].sources[0] for i in (-words.scores(talk.query)).argsort(kind="stable")[: max(KS)]]
        for talk in talks
    ]
    recall = {
        name: {
            k: 100
            * sum(len(set(ids[:k]) & set(t.relevant)) / len(t.relevant) for ids, t in zip(lists, talks, strict=True))
            / len(talks)
            for k in KS
        }
        for name, lists in found.items()
    }
    names = {"exact": "Bethink, exact", "auto": "Bethink", "BM25": "BM25"}
    show(
        "MADial-Bench EN: memories found, %",
        ("", *(f"@{k}" for k in KS)),
        [(names[n], *r.values()) for n, r in recall.items()],
    )
    figures = {names[n]: {f"@{k}": round(v, 1) for k, v in r.items()} for n, r in recall.items()}
    return [bar(f"MADial-Bench, @{k} over exact", recall["auto"][k] - recall["exact"][k], ">=", 0) for k in KS], {
        "recall": figures
    }
