"""``make bench NAME=contradictions``: updates, hard negatives, deletions and chains of our own set, beside append-only peers.

The rules of the extractor were made with the set's first half (``dev``) in view; ``test`` is the half that was not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.contradictions import Asked, Judged, Ours, Triple, judge, load_contradictions
from bethink.memory import ThoughtMemory
from bethink.memory.trained_extract import TrainedExtractor
from bethink.models.registry import ADAPTED, load_chat_model
from tests.benchmarks.recall.data import Remembering
from tests.benchmarks.report import Bar, bar, finish, show

KINDS = {
    "update": "updates right",
    "negative": "hard negatives kept",
    "chain": "as_of right",
    "deletion": "deletions exact",
}


class AppendOnly:
    """LangGraph's ``InMemoryStore`` as a memory: everything that was said stays, the nearest is recalled."""

    def __init__(self, embedder: Any) -> None:
        from langgraph.store.memory import InMemoryStore

        def embed(texts: Sequence[str]) -> list[list[float]]:
            return embedder.embed(list(texts)).tolist()

        self._store = InMemoryStore(index={"embed": embed, "dims": embedder.dim, "fields": ["text"]})
        self._count = 0

    def add(self, text: str, date: str, triple: Triple | None) -> None:
        """Keep the text."""
        self._count += 1
        self._store.put(("user",), str(self._count), {"text": text})

    def holds(self) -> list[str]:
        """All texts."""
        return [item.value["text"] for item in self._store.search(("user",), limit=100)]

    def held(self) -> list[str]:
        """None: nothing ends."""
        return []

    def recall(self, question: str, as_of: str | None) -> list[str]:
        """The nearest, of whatever date."""
        return [item.value["text"] for item in self._store.search(("user",), query=question, limit=5)]

    def forget(self, request: str) -> None:
        """Delete the nearest: a store has no request to forget."""
        nearest = self._store.search(("user",), query=request, limit=1)
        for item in nearest:
            self._store.delete(("user",), item.key)


def ours(memory: ThoughtMemory, oracle: bool) -> Callable[[str], AbstractContextManager[Asked]]:
    """The product, a user for each item."""

    @contextmanager
    def opened(name: str) -> Iterator[Asked]:
        yield Ours(memory, name, oracle=oracle)

    return opened


def append_only(embedder: Any) -> Callable[[str], AbstractContextManager[Asked]]:
    """A new LangGraph store for each item."""

    @contextmanager
    def opened(name: str) -> Iterator[Asked]:
        yield AppendOnly(embedder)

    return opened


def share(rows: Sequence[Judged], kind: str, split: str | None = None) -> float:
    """Percent right."""
    chosen = [row.right for row in rows if row.kind == kind and split in (None, row.split)]
    return 100 * sum(chosen) / len(chosen)


def main() -> None:
    """Measure, show, write."""
    items, embedder, model = load_contradictions(), Remembering(), load_chat_model(ADAPTED)
    rows: dict[str, list[Judged]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bethink-bench-") as place,
        ThoughtMemory(Path(place) / "given", embedder) as given_memory,
        ThoughtMemory(Path(place) / "rules", embedder) as rules_memory,
        ThoughtMemory(
            Path(place) / "adapter", embedder, extractor=TrainedExtractor(model.decode_json)
        ) as adapter_memory,
        ThoughtMemory(
            Path(place) / "judge", embedder, extractor=TrainedExtractor(model.decode_json), weigh=model.likelihoods
        ) as judge_memory,
    ):
        runs = {
            "Bethink, triples given": ours(given_memory, True),
            "Bethink, rules": ours(rules_memory, False),
            "Bethink, rules and adapter": ours(adapter_memory, False),
            "Bethink, rules and adapter, old thoughts ended by it": ours(judge_memory, False),
            "LangGraph InMemoryStore (append-only)": append_only(embedder),
        }
        for name, make in runs.items():
            print(f"  {name}", file=sys.stderr, flush=True)
            rows[name] = judge(items, make)
    show(
        f"{len(items)} items, % right",
        ("", *KINDS.values(), "updates, half not seen"),
        [
            (name, *(share(found, kind) for kind in KINDS), share(found, "update", "test"))
            for name, found in rows.items()
        ],
    )
    given, rules = rows["Bethink, triples given"], rows["Bethink, rules"]
    bars: list[Bar] = [
        bar("updates right, triples given", share(given, "update"), ">=", 97),
        bar("hard negatives superseded, triples given", 100 - share(given, "negative"), "<=", 1),
        bar("as_of right, triples given", share(given, "chain"), ">=", 97),
        bar("updates right, rules", share(rules, "update"), ">=", 85),
        bar("updates right, rules, half not seen", share(rules, "update", "test"), ">=", 85),
        bar("hard negatives superseded, rules", 100 - share(rules, "negative"), "<=", 1),
    ]
    whys = sorted({row.why for row in rules if row.kind == "update"})
    figures = {
        "right": {
            name: {
                f"{kind} {split}": round(share(found, kind, split), 1) for kind in KINDS for split in ("dev", "test")
            }
            for name, found in rows.items()
        },
        "rules, updates by relation": {
            why: round(share([row for row in rules if row.why == why], "update"), 1) for why in whys
        },
    }
    finish("contradictions", figures, bars, packages=("bethink", "langgraph"))


if __name__ == "__main__":
    main()
