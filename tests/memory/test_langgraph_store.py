"""What our store does beyond LangGraph's own: users, history, secrets, thoughts. The embedder is a fake but for one.

What it shares with theirs is in test_langgraph_store_conformance.py, its use in graphs in
test_langgraph_store_in_graphs.py.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from fake_embedder import WordHashEmbedder
from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp
from store_items import fill, keys

from bethink.memory import LangGraphStore, ThoughtMemory, item_id, run_user
from bethink.memory.redact import REMOVED

NOTES = ("notes", "ann")


@pytest.fixture
def ours(place):
    """On both of the memory's stores."""
    with place.open(WordHashEmbedder(), recall_mode="exact") as memory:
        yield LangGraphStore(memory, "ann")


def test_dates_over_updates(ours):
    ours.put(NOTES, "k", {"v": 1})
    first = ours.get(NOTES, "k")
    ours.put(NOTES, "k", {"v": 2})
    second = ours.get(NOTES, "k")
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at
    ours.delete(NOTES, "k")
    ours.put(NOTES, "k", {"v": 3})
    assert ours.get(NOTES, "k").created_at > second.updated_at


def test_without_a_query_the_latest_put_comes_first(ours):
    fill(ours)
    ours.put(("docs",), "tea", {"text": "again"})
    assert keys(ours.search(("docs",))) == ["tea", "chess", "coffee"]
    assert keys(ours.search(("docs",), query="  ")) == ["tea", "chess", "coffee"]


def test_items_last_and_belong_to_one_user(tmp_path):
    with ThoughtMemory(tmp_path, WordHashEmbedder()) as memory:
        LangGraphStore(memory, "ann").put(("a",), "k", {"of": "ann"})
        LangGraphStore(memory, "bob").put(("a",), "k", {"of": "bob"})
    with ThoughtMemory(tmp_path, WordHashEmbedder()) as memory:
        assert LangGraphStore(memory, "ann").get(("a",), "k").value == {"of": "ann"}
        assert LangGraphStore(memory, "bob").search((), query="ann")[0].value == {"of": "bob"}
        assert LangGraphStore(memory, "carl").search(()) == []
        assert LangGraphStore(memory, "carl").list_namespaces() == []


def test_items_are_thoughts(ours):
    ours.memory.add("I live in Porto.", user_id="ann")
    ours.put(NOTES, "tea", {"text": "Ann likes green tea"}, index=["text"])
    assert ours.memory.search("green tea", user_id="ann", k=1)[0].thought.text == "Ann likes green tea"
    assert keys(ours.search(())) == ["tea"]
    assert keys(ours.search((), query="Porto")) == ["tea"]
    report = ours.memory.forget(query="green tea", user_id="ann")
    assert ours.get(NOTES, "tea") is None
    ours.memory.undo(report.undo_token, user_id="ann")
    assert ours.get(NOTES, "tea").value == {"text": "Ann likes green tea"}


def test_a_soft_delete_and_a_put_are_in_the_history(ours):
    ours.put(NOTES, "k", {"text": "first"}, index=["text"])
    ours.put(NOTES, "k", {"text": "second"}, index=["text"])
    ours.delete(NOTES, "k")
    past = ours.memory.history(item_id(NOTES, "k"), user_id="ann")
    assert [(change.op, change.text) for change in past] == [
        ("insert", "first"),
        ("edit", "second"),
        ("forget", "second"),
    ]
    ours.memory.undo(past[-1].token, user_id="ann")
    assert ours.get(NOTES, "k").value == {"text": "second"}
    ours.memory.undo(past[1].token, user_id="ann")
    assert ours.get(NOTES, "k").value == {"text": "first"}


def test_a_hard_delete_leaves_nothing_to_undo(tmp_path):
    with ThoughtMemory(tmp_path, WordHashEmbedder()) as memory:
        store = LangGraphStore(memory, "ann", hard_delete=True)
        store.put(NOTES, "k", {"text": "rosebud"})
        store.delete(NOTES, "k")
        assert store.get(NOTES, "k") is None
        assert memory.list(user_id="ann", include_inactive=True) == []
    assert b"rosebud" not in b"".join(file.read_bytes() for file in tmp_path.glob("journal*"))


def test_a_large_value_is_kept_whole(ours):
    value = {"text": "green tea " + "filler " * 100_000}
    ours.put(NOTES, "big", value)
    assert ours.get(NOTES, "big").value == value
    assert keys(ours.search(NOTES, query="green tea")) == ["big"]


def test_secrets_are_not_kept(tmp_path):
    with ThoughtMemory(tmp_path, WordHashEmbedder()) as memory:
        store = LangGraphStore(memory, "ann")
        store.put(NOTES, "k", {"note": "my password is hunter2", "login": {"password": "hunter2 hunter2"}})
        kept = {"note": f"my password is {REMOVED}", "login": {"password": REMOVED}}
        assert store.get(NOTES, "k").value == kept
        assert "removed]" not in memory.list(user_id="ann")[0].text.replace(REMOVED, "")
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]


def test_a_bad_value_writes_nothing(ours):
    with pytest.raises(TypeError, match="datetime in the field 'when'"):
        ours.batch([PutOp(("a",), "good", {"x": 1}), PutOp(("a",), "bad", {"when": datetime.now(UTC)})])
    with pytest.raises(TypeError, match="is a list"):
        ours.put(("a",), "k", ["x"])
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="nested too deep"):
        ours.put(("a",), "deep", deep)
    assert ours.search(()) == []


def test_a_read_cannot_change_what_is_kept(ours):
    ours.put(("a",), "k", {"list": [1]})
    ours.get(("a",), "k").value["list"].append(2)
    assert ours.get(("a",), "k").value == {"list": [1]}


def test_a_thought_edited_by_hand_keeps_its_value(ours):
    ours.put(("a",), "k", {"text": "tea"})
    ours.memory.update(item_id(("a",), "k"), "a text about horses", user_id="ann")
    assert ours.get(("a",), "k").value == {"text": "tea"}
    assert ours.search((), query="horses")[0].score > 0.3


def test_operations_given_directly_are_checked(ours):
    with pytest.raises(InvalidNamespaceError):
        ours.batch([PutOp(("a.b",), "k", {"x": 1})])
    with pytest.raises(ValueError, match="no TTL"):
        ours.batch([PutOp(("a",), "k", {"x": 1}, ttl=1.0)])
    with pytest.raises(ValueError, match="negative"):
        ours.search((), limit=-1)


def test_export_and_import_carry_items(ours, tmp_path):
    ours.put(NOTES, "k", {"text": "tea"})
    lines = list(ours.memory.export(user_id="ann"))
    with ThoughtMemory(tmp_path / "other", WordHashEmbedder()) as memory:
        memory.import_(lines, user_id="bob")
        assert LangGraphStore(memory, "bob").get(NOTES, "k").value == {"text": "tea"}


# Whose items


def test_the_user_must_be_said_in_one_way(memory):
    for wrong in ({}, {"user_id": "ann", "user_of": lambda namespace: namespace[0]}, {"user_id": " "}):
        with pytest.raises(ValueError, match="user"):
            LangGraphStore(memory, **wrong)
    with pytest.raises(ValueError, match="list of paths"):
        LangGraphStore(memory, "ann", fields="text")


def test_a_namespace_names_the_user_when_the_developer_says_so(memory):
    store = LangGraphStore(memory, user_of=lambda namespace: namespace[1])
    store.put(("notes", "ann"), "k", {"of": "ann"})
    store.put(("notes", "bob"), "k", {"of": "bob"})
    assert store.get(("notes", "ann"), "k").value == {"of": "ann"}
    assert [item.value["of"] for item in store.search(("notes", "bob"), query="ann")] == ["bob"]
    assert store.list_namespaces(prefix=("notes", "ann")) == [("notes", "ann")]
    assert [len(memory.list(user_id=user)) for user in ("ann", "bob", "notes")] == [1, 1, 0]
    for ask in (
        lambda: store.search(("notes",)),
        lambda: store.list_namespaces(),
        lambda: store.list_namespaces(prefix=("notes", "*")),
        lambda: store.put(("notes",), "k", {"x": 1}),
    ):
        with pytest.raises(ValueError, match="does not say whose it is"):
            ask()


def test_a_batch_over_two_users(memory):
    store = LangGraphStore(memory, user_of=lambda namespace: namespace[0])
    store.batch([PutOp((user,), "k", {"of": user}) for user in ("ann", "bob")])
    found = store.batch([SearchOp(("ann",)), SearchOp(("bob",)), GetOp(("ann",), "k")])
    assert [[item.value["of"] for item in found[0]], [item.value["of"] for item in found[1]]] == [["ann"], ["bob"]]
    assert found[2].value == {"of": "ann"}


def test_outside_of_a_run_there_is_no_run_user(memory):
    with pytest.raises(ValueError, match="no LangGraph run"):
        LangGraphStore(memory, run_user).search(())


def test_importing_the_memory_does_not_import_the_frameworks():
    code = "import sys, bethink.memory; bethink.memory.ThoughtMemory; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"langgraph", "langchain_core", "torch"} & set(modules)


def test_with_the_real_embedder_meaning_is_found_without_shared_words(tmp_path):
    from bethink.models.embedder import SentenceEmbedder

    with ThoughtMemory(tmp_path, SentenceEmbedder()) as memory:
        store = LangGraphStore(memory, "ann", fields=["text"])
        store.put(("notes",), "drink", {"text": "Ann is fond of espresso"})
        store.put(("notes",), "game", {"text": "On Sundays she plays chess with Carl"})
        store.put(("notes",), "long", {"text": "The garden needs water. " + "Grass grows. " * 2000})
        assert keys(store.search(("notes",), query="hot beverages"))[0] == "drink"
        assert keys(store.search(("notes",), query="board games"))[0] == "game"
        assert keys(store.search(("notes",), query="gardening"))[0] == "long"
