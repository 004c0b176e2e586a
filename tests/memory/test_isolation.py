from __future__ import annotations

import random
import threading

from bethink.memory import ThoughtMemory


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


def test_near_identical_users_from_many_threads(tmp_path, embedder):
    users = [f"user-{i:02}" for i in range(20)]
    leaks: list[str] = []
    with ThoughtMemory(tmp_path, embedder) as memory:

        def work(seed: int) -> None:
            rng = random.Random(seed)
            for step in range(40):
                user = rng.choice(users)
                if rng.random() < 0.3:
                    memory.add(
                        f"I like tea number {step}.", user_id=user, turn_id=f"{seed}-{step}", metadata={"owner": user}
                    )
                else:
                    hits = memory.search("I like tea", user_id=user, k=50)
                    leaks.extend(hit.thought.id for hit in hits if hit.thought.metadata["owner"] != user)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert leaks == []
        total = sum(len(memory.list(user_id=user)) for user in users)
    assert total > 50
    with ThoughtMemory(tmp_path, embedder) as memory:
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
