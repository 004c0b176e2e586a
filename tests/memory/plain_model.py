"""Many users' memories as plain dictionaries, and one operation after the other done to both: for tests and benchmarks."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bethink.memory import ThoughtMemory

KINDS = ("insert", "add", "search", "soft", "hard", "undo", "merge", "update", "import", "delete", "reopen")


@dataclass
class Token:
    """A soft deletion that can be undone as long as nothing else touched its thoughts."""

    by: int
    token: str
    ids: tuple[str, ...]
    step: int


@dataclass
class PlainModel:
    """``users`` hold {id: (text, active)}; ``memories`` are opened by the given functions, all on the same thoughts.

    Every user says the same sentences, so that only the user tells thoughts apart. ``step`` raises AssertionError where
    a memory and the dictionaries differ.
    """

    open: Sequence[Callable[[], ThoughtMemory]]
    names: Sequence[str]
    users: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    steps: int = 0
    searches: int = 0

    def __post_init__(self) -> None:
        tag = uuid.uuid4().hex[:8]  # a store may be used again: its users are others
        self.ids = {name: f"{name} {tag}" for name in self.names}
        self.users = {name: {} for name in self.names}
        self.memories = [opened() for opened in self.open]
        self._touched: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, list[Token]] = {name: [] for name in self.names}

    def close(self) -> None:
        """Close the memories."""
        for memory in self.memories:
            memory.close()

    def step(self, kind: str, name: str, number: int, at: int = 0) -> None:
        """Do one operation of a user through one of the memories; ``number`` chooses what it is about."""
        self.steps += 1
        at %= len(self.memories)
        getattr(self, f"_{kind}")(self.memories[at], name, number, at)

    def check(self) -> None:
        """All memories know of each user what the dictionaries do, and nothing else."""
        for memory in self.memories:
            for name, kept in self.users.items():
                found = memory.list(user_id=self.ids[name], include_inactive=True, limit=10**6)
                assert {one.id: (one.text, one.active) for one in found} == kept, name
                assert {one.user_id for one in found} <= {self.ids[name]}

    def _set(self, name: str, ident: str, text: str, active: bool) -> None:
        self.users[name][ident] = (text, active)
        self._touched[name, ident] = self.steps

    def _chosen(self, name: str, number: int, active: bool = True) -> list[str]:
        fits = sorted(ident for ident, (_, holds) in self.users[name].items() if holds or not active)
        return random.Random(number).sample(fits, min(len(fits), 1 + number % 3))

    def _insert(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        text = f"The number {self.steps} is noted."
        change = memory.insert(text, user_id=self.ids[name], metadata={"owner": self.ids[name]})
        self._set(name, change.id, text, True)

    def _add(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        (change,) = memory.add(f"I like thing{self.steps}.", user_id=self.ids[name], turn_id=f"t{self.steps}")
        assert change.op == "insert"
        self._set(name, change.id, change.text, True)

    def _search(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        said = [text for kept in self.users.values() for text, _ in kept.values()] or ["anything"]
        hits = memory.search(said[number % len(said)], user_id=self.ids[name], k=50)
        kept = self.users[name]
        assert all(kept.get(hit.thought.id) == (hit.thought.text, True) for hit in hits)
        assert bool(hits) == any(active for _, active in kept.values())
        self.searches += 1

    def _soft(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        if ids := self._chosen(name, number):
            report = memory.forget(user_id=self.ids[name], ids=ids)
            assert report.forgotten == len(ids)
            for ident in ids:
                self._set(name, ident, self.users[name][ident][0], False)
            self._tokens[name].append(Token(at, str(report.undo_token), tuple(ids), self.steps))

    def _hard(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        if ids := self._chosen(name, number, active=False):
            assert memory.forget(user_id=self.ids[name], ids=ids, hard=True).forgotten == len(ids)
            for ident in ids:
                del self.users[name][ident]

    def _undo(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        for token in [self._tokens[name].pop()] if self._tokens[name] else []:
            if all(i in self.users[name] and self._touched[name, i] == token.step for i in token.ids):
                self.memories[token.by].undo(token.token, user_id=self.ids[name])
                for ident in token.ids:
                    self._set(name, ident, self.users[name][ident][0], True)

    def _merge(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        for change in memory.merge(user_id=self.ids[name]):
            merged = memory.get(change.id, user_id=self.ids[name])
            for ident in merged.merged_from:
                text, active = self.users[name][ident]
                assert active, text
                self._set(name, ident, text, False)
            self._set(name, change.id, change.text, True)

    def _update(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        for ident in self._chosen(name, number)[:1]:
            text = f"The number {self.steps} was corrected."
            assert memory.update(ident, text, user_id=self.ids[name]).op == "edit"
            self._set(name, ident, text, True)

    def _import(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        other = self.names[number % len(self.names)]
        memory.import_(list(memory.export(user_id=self.ids[other])), user_id=self.ids[name])
        for ident, (text, active) in list(self.users[other].items()):
            self._set(name, ident, text, active)

    def _delete(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        assert memory.delete_user(self.ids[name]).forgotten == len(self.users[name])
        self.users[name].clear()

    def _reopen(self, memory: ThoughtMemory, name: str, number: int, at: int) -> None:
        memory.close()
        self.memories[at] = self.open[at]()


def random_steps(model: PlainModel, count: int, rng: random.Random, **weights: Any) -> None:
    """So many operations chosen by chance, each followed by a check of everything."""
    usual = {"insert": 6, "add": 6, "search": 8, "merge": 0.5, "delete": 0.3, "reopen": 0.2, **weights}
    for _ in range(count):
        kind = rng.choices(KINDS, [usual.get(kind, 1) for kind in KINDS])[0]
        model.step(kind, rng.choice(list(model.names)), rng.randrange(10**6), rng.randrange(8))
        model.check()
