from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from plain_model import PlainModel

from bethink.memory import ThoughtMemory

NAMES, NUMBERS = st.sampled_from(("ana", "bob", "cem")), st.integers(0, 10**6)
PROCESSES = st.integers(0, 1)


@pytest.fixture
def memory(place, embedder):
    """On both stores."""
    with place.open(embedder) as opened:
        yield opened


def test_users_never_meet(memory):
    for user in ("ana", "bob", "ana ", "ANA"):
        memory.add(f"I live in the house of {user.strip()} {len(user)}.", user_id=user, turn_id="t")
    for user in ("ana", "bob", "ana ", "ANA"):
        for hits in (
            [hit.thought for hit in memory.search("I live in the house of bob", user_id=user, include_inactive=True)],
            memory.list(user_id=user),
        ):
            assert len(hits) == 1
            assert {thought.user_id for thought in hits} == {user}


def test_no_call_reaches_across(memory):
    (change,) = memory.add("I live in Porto.", user_id="ana", turn_id="t")
    assert memory.history(change.id, user_id="bob") == []
    assert memory.forget(user_id="bob", ids=[change.id], hard=True).matched == 0
    assert memory.forget(user_id="bob", turn_id="t").matched == 0
    assert memory.revert_turn("t", user_id="bob") == []
    assert memory.merge(user_id="bob") == []
    assert list(memory.export(user_id="bob")) == []
    assert memory.delete_user("bob").matched == 0
    for call in (
        lambda: memory.get(change.id, user_id="bob"),
        lambda: memory.update(change.id, "I live in Rome.", user_id="bob"),
        lambda: memory.undo(change.token, user_id="bob"),
    ):
        try:
            call()
        except (KeyError, ValueError):
            continue
        raise AssertionError("another user's thought was reached")
    assert memory.get(change.id, user_id="ana").active


def test_deleting_one_user_deletes_that_one(memory):
    memory.add("I live in Porto.", user_id="ana")
    memory.add("I live in Porto.", user_id="bob")
    memory.forget(user_id="ana", query="Porto")
    report = memory.delete_user("ana")
    assert report.forgotten == 1
    assert memory.list(user_id="ana", include_inactive=True) == []
    assert len(memory.list(user_id="bob")) == 1
    memory.add("I live in Rome.", user_id="ana")
    assert [thought.text for thought in memory.list(user_id="ana", include_inactive=True)] == ["I live in Rome."]


class OneMemory(RuleBasedStateMachine):
    """Three users' operations in any order, against plain dictionaries."""

    opened: ClassVar[list[Callable[[], ThoughtMemory]]] = []

    def __init__(self):
        super().__init__()
        self.model = PlainModel(self.opened, ("ana", "bob", "cem"))

    def teardown(self):
        self.model.close()

    def do(self, kind, name, number, at):
        self.model.step(kind, name, number, at)
        self.model.check()

    @rule(name=NAMES, number=NUMBERS, at=PROCESSES)
    def insert(self, name, number, at):
        self.do("insert", name, number, at)

    @rule(name=NAMES, number=NUMBERS, at=PROCESSES)
    def add(self, name, number, at):
        self.do("add", name, number, at)

    @rule(name=NAMES, number=NUMBERS, at=PROCESSES, kind=st.sampled_from(("search", "soft", "hard", "undo", "update")))
    def use(self, kind, name, number, at):
        self.do(kind, name, number, at)

    @rule(name=NAMES, number=NUMBERS, at=PROCESSES, kind=st.sampled_from(("merge", "import", "delete", "reopen")))
    def upset(self, kind, name, number, at):
        self.do(kind, name, number, at)


def test_three_users_interleaved(place, embedder):
    """40 examples of 50 operations; on the server, where two processes take turns, 12 (the benchmark has all)."""

    class Machine(OneMemory):
        opened: ClassVar = [lambda: place.open(embedder, "a")]
        if place.url is not None:
            opened.append(lambda: place.open(embedder, "b"))

    chosen = settings(
        max_examples=40 if place.url is None else 4,
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)


def test_near_identical_users_from_many_threads(place, embedder):
    users = [f"user-{i:02}" for i in range(20)]
    leaks: list[str] = []
    searches: list[int] = []
    with place.open(embedder) as memory:

        def work(seed: int) -> None:
            rng, found = random.Random(seed), 0
            for step in range(180):
                user = rng.choice(users)
                if rng.random() < 0.3:
                    memory.add(
                        f"I like tea number {step}.", user_id=user, turn_id=f"{seed}-{step}", metadata={"owner": user}
                    )
                else:
                    hits = memory.search("I like tea", user_id=user, k=50)
                    leaks.extend(hit.thought.id for hit in hits if hit.thought.metadata["owner"] != user)
                    found += 1
            searches.append(found)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert leaks == []
        assert len(searches) == 8
        assert sum(searches) >= 1000
        total = sum(len(memory.list(user_id=user)) for user in users)
    assert total > 50
    with place.open(embedder) as memory:
        assert sum(len(memory.list(user_id=user)) for user in users) == total


def test_one_user_from_many_threads_writes_nothing_twice(memory):
    def work() -> None:
        for i in range(10):
            memory.add(f"I like tea number {i}.", user_id="ana", turn_id=f"t{i}")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory.list(user_id="ana", include_inactive=True)) == 10
