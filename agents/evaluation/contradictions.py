"""Contradiction and update set: does a memory know what holds now, what held then, and what to forget?

The set is ours (``data/contradictions.jsonl``, described beside it). Any memory can be asked through :class:`Asked`;
:class:`Ours` is the product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory

DATA = Path(__file__).parent / "data" / "contradictions.jsonl"
RECALLED = 5
Triple = tuple[str, str, str]


@dataclass(frozen=True)
class Judged:
    """One question to a memory: of which item, kind and sort, the split, and whether it was right."""

    item: str
    kind: str
    why: str
    split: str
    right: bool


class Asked(Protocol):
    """One person's memory as far as this set needs it."""

    def add(self, text: str, date: str, triple: Triple | None) -> None:
        """Take in what was said on a date; ``triple`` is what it states, if that is told."""
        ...

    def holds(self) -> list[str]:
        """The texts that hold now."""
        ...

    def held(self) -> list[str]:
        """The texts that do not hold any more, but are still known."""
        ...

    def recall(self, question: str, as_of: str | None) -> list[str]:
        """The texts recalled for a question, best first, as of a date."""
        ...

    def forget(self, request: str) -> None:
        """Forget what a request means."""
        ...


class Ours:
    """The product's memory, one user of it. With ``oracle`` it is told the triples, else its extractor reads them."""

    def __init__(self, memory: ThoughtMemory, user_id: str, *, oracle: bool) -> None:
        self._memory, self._user, self._oracle = memory, user_id, oracle

    def add(self, text: str, date: str, triple: Triple | None) -> None:
        """See :class:`Asked`. A text in which the extractor finds nothing is no thought."""
        if self._oracle:
            self._memory.insert(text, user_id=self._user, timestamp=date, triple=triple)
        else:
            self._memory.add(text, user_id=self._user, timestamp=date)

    def holds(self) -> list[str]:
        """See :class:`Asked`."""
        return [thought.text for thought in self._memory.list(user_id=self._user)]

    def held(self) -> list[str]:
        """See :class:`Asked`."""
        return [t.text for t in self._memory.list(user_id=self._user, include_inactive=True) if not t.active]

    def recall(self, question: str, as_of: str | None) -> list[str]:
        """See :class:`Asked`."""
        hits = self._memory.search(question, user_id=self._user, k=RECALLED, as_of=as_of)
        return [hit.thought.text for hit in hits]

    def forget(self, request: str) -> None:
        """See :class:`Asked`."""
        self._memory.forget(user_id=self._user, query=request)


def load_contradictions(path: Path = DATA) -> list[dict[str, Any]]:
    """The items of the set, in file order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def judge(items: Iterable[dict[str, Any]], open_memory: Callable[[str], AbstractContextManager[Asked]]) -> list[Judged]:
    """Ask a new memory about each item (updates: about each of their phrasings).

    - update: among what is recalled for the question the new value comes before any text that holds the old one, which
      no longer holds but is still known;
    - negative: what the first sentence left still holds after the second;
    - deletion: exactly the targets are gone;
    - chain: for every date, the value that held then is the first of the chain's values to be recalled, or none is.
    """
    found: list[Judged] = []
    for item in items:
        asks = {"update": _update, "negative": _negative, "deletion": _deletion, "chain": _chain}[item["kind"]]
        found += [
            Judged(item["id"], item["kind"], item["why"], item["split"], right) for right in asks(item, open_memory)
        ]
    return found


def says(text: str, value: str) -> bool:
    """Whether a text names a value, as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(value.casefold())}(?!\w)", text.casefold()) is not None


def _triple(part: dict[str, Any]) -> Triple | None:
    return tuple(part["triple"]) if part.get("triple") else None


def _update(item: dict[str, Any], open_memory: Callable[[str], AbstractContextManager[Asked]]) -> list[bool]:
    found = []
    for number, text in enumerate(item["second"]["texts"]):
        with open_memory(f"{item['id']}-{number}") as memory:
            memory.add(item["first"]["text"], item["first"]["date"], _triple(item["first"]))
            memory.add(text, item["second"]["date"], _triple(item["second"]))
            found.append(
                _ranked(memory.recall(item["question"], None), item["new"], item["old"])
                and not any(says(each, item["old"]) and not says(each, item["new"]) for each in memory.holds())
                and any(says(each, item["old"]) for each in memory.held())
            )
    return found


def _ranked(recalled: Sequence[str], new: str, old: str) -> bool:
    for text in recalled:
        if says(text, new):
            return True
        if says(text, old):
            return False
    return False


def _negative(item: dict[str, Any], open_memory: Callable[[str], AbstractContextManager[Asked]]) -> list[bool]:
    with open_memory(item["id"]) as memory:
        memory.add(item["first"]["text"], item["first"]["date"], _triple(item["first"]))
        before = memory.holds()
        memory.add(item["second"]["text"], item["second"]["date"], _triple(item["second"]))
        return [set(before) <= set(memory.holds())]


def _deletion(item: dict[str, Any], open_memory: Callable[[str], AbstractContextManager[Asked]]) -> list[bool]:
    with open_memory(item["id"]) as memory:
        for thought in item["thoughts"]:
            memory.add(thought["text"], thought["date"], None)
        memory.forget(item["request"])
        kept = {thought["text"] for number, thought in enumerate(item["thoughts"]) if number not in item["targets"]}
        return [set(memory.holds()) == kept]


def _chain(item: dict[str, Any], open_memory: Callable[[str], AbstractContextManager[Asked]]) -> list[bool]:
    values = {step["triple"][2] for step in item["steps"]}
    with open_memory(item["id"]) as memory:
        for step in item["steps"]:
            memory.add(step["text"], step["date"], _triple(step))
        found = []
        for point in item["as_of"]:
            first = next(
                (text for text in memory.recall(item["question"], point["date"]) if any(says(text, v) for v in values)),
                None,
            )
            wanted = point["value"]
            found.append(first is None if wanted is None else first is not None and says(first, wanted))
        return found
