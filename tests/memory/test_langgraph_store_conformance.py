"""One list of scenarios for LangGraph's own InMemoryStore and for ours, so that ours does what is expected of a store.

The embedder is a fake (words hashed to directions) and the same for both, so scores can be compared.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fake_embedder import WordHashEmbedder
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from store_items import fill, keys

from bethink.memory import LangGraphStore, ThoughtMemory
from bethink.memory.server import chroma_server

NOTES = ("notes", "ann")


@pytest.fixture(params=["langgraph's", "exact", "auto", "on a server"])
def store(request, tmp_path):
    if request.param == "langgraph's":
        fake = WordHashEmbedder()
        yield InMemoryStore(index={"embed": lambda texts: fake.embed(texts).tolist(), "dims": fake.dim})
        return
    if request.param == "on a server":
        kept = chroma_server(request.getfixturevalue("server")[0], WordHashEmbedder.dim)
        with ThoughtMemory(tmp_path / "memory", WordHashEmbedder(), store=kept) as memory:
            yield LangGraphStore(memory, "ann")
        return
    with ThoughtMemory(tmp_path / "memory", WordHashEmbedder(), recall_mode=request.param) as memory:
        yield LangGraphStore(memory, "ann")


def test_put_and_get(store):
    value = {"text": "☃ Grüße", "n": 1, "deep": {"list": [1, None, True, 2.5]}}
    started = datetime.now(UTC)
    store.put(NOTES, "k", value)
    item = store.get(NOTES, "k")
    assert (item.value, item.key, item.namespace) == (value, "k", NOTES)
    assert started <= item.created_at <= item.updated_at <= datetime.now(UTC)
    assert store.get(NOTES, "other") is None
    assert store.get(("notes",), "k") is None
    assert store.get((*NOTES, "deeper"), "k") is None


def test_put_again_replaces(store):
    store.put(NOTES, "k", {"text": "tea", "old": 1})
    store.put(NOTES, "k", {"text": "coffee"})
    assert store.get(NOTES, "k").value == {"text": "coffee"}
    assert keys(store.search(NOTES)) == ["k"]


def test_delete_and_put_none(store):
    fill(store)
    store.delete(("docs",), "tea")
    store.batch([PutOp(("docs",), "coffee", None)])
    store.delete(("docs",), "never there")
    store.delete(("nowhere",), "k")
    assert store.get(("docs",), "tea") is None
    assert store.get(("docs",), "coffee") is None
    assert keys(store.search(("docs",))) == ["chess"]
    assert keys(store.search(("docs",), query="green tea")) == ["chess"]
    store.put(("docs",), "tea", {"text": "back"})
    assert store.get(("docs",), "tea").value == {"text": "back"}


def test_the_same_key_in_two_namespaces_is_two_items(store):
    store.put(("a",), "k", {"x": 1})
    store.put(("a", "b"), "k", {"x": 2})
    assert [store.get(("a",), "k").value, store.get(("a", "b"), "k").value] == [{"x": 1}, {"x": 2}]
    assert sorted(item.value["x"] for item in store.search(("a",))) == [1, 2]
    assert [item.value["x"] for item in store.search(("a", "b"))] == [2]
    assert len(store.search(())) == 2
    assert store.search(("a", "c")) == []


def test_the_same_value_under_two_keys_is_two_items(store):
    store.put(("a",), "one", {"text": "same words"})
    store.put(("a",), "two", {"text": "same words"})
    assert sorted(keys(store.search(("a",), query="same words"))) == ["one", "two"]


def test_search_by_meaning(store):
    fill(store)
    found = store.search(("docs",), query="green tea", limit=2)
    assert found[0].key == "tea"
    assert len(found) == 2
    assert found[0].score > found[1].score
    assert found[0].value["text"] == "Ann likes green tea"
    every = store.search(("docs",), query="green tea")
    assert len(every) == 3
    assert keys(store.search(("docs",), query="green tea", offset=1)) == keys(every)[1:]
    assert keys(store.search((), query="plays chess", limit=1)) == ["chess"]
    assert store.search(("other",), query="green tea") == []


def test_search_with_a_limit_and_an_offset(store):
    for i in range(12):
        store.put(("docs",), f"k{i}", {"text": f"text {i}"})
    assert len(store.search(("docs",))) == 10
    pages = [keys(store.search(("docs",), limit=5, offset=offset)) for offset in (0, 5, 10, 15)]
    assert [len(page) for page in pages] == [5, 5, 2, 0]
    assert {key for page in pages for key in page} == {f"k{i}" for i in range(12)}
    assert all(item.score is None for item in store.search(("docs",)))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"kind": "drink"}, {"tea", "coffee"}),
        ({"kind": "drink", "n": 2}, {"coffee"}),
        ({"n": {"$gt": 1}}, {"coffee", "chess"}),
        ({"n": {"$gte": 2, "$lt": 3}}, {"coffee"}),
        ({"n": {"$lte": 1}}, {"tea"}),
        ({"n": {"$eq": 1}}, {"tea"}),
        ({"kind": {"$ne": "drink"}}, {"chess"}),
        ({"at": {"city": "Porto"}}, {"chess"}),
        ({"nothing": 1}, set()),
        ({}, {"tea", "coffee", "chess"}),
    ],
)
def test_filters(store, wanted, found):
    fill(store)
    assert set(keys(store.search(("docs",), filter=wanted))) == found
    assert set(keys(store.search(("docs",), filter=wanted, query="tea"))) == found


def test_an_unknown_operator_is_refused(store):
    fill(store)
    with pytest.raises(ValueError, match=r"\$in"):
        store.search(("docs",), filter={"n": {"$in": [1]}})


def test_what_is_not_indexed_comes_last_and_without_score(store):
    fill(store)
    store.put(("docs",), "hidden", {"text": "green tea green tea"}, index=False)
    found = store.search(("docs",), query="green tea")
    assert found[-1].key == "hidden"
    assert found[-1].score is None
    assert found[0].key == "tea"
    assert store.get(("docs",), "hidden").value == {"text": "green tea green tea"}
    assert "hidden" in keys(store.search(("docs",)))
    assert keys(store.search(("docs",), query="green tea", limit=3)) == keys(found)[:3]


def test_chosen_fields_are_indexed(store):
    value = {"title": "apples", "body": "pears", "parts": [{"text": "plums"}, {"text": "figs"}]}
    store.put(("fruit",), "title", value, index=["title"])
    store.put(("fruit",), "parts", value, index=["parts[*].text"])
    store.put(("fruit",), "none", value, index=["absent"])
    assert store.search(("fruit",), query="apples", limit=1)[0].key == "title"
    assert store.search(("fruit",), query="plums", limit=1)[0].key == "parts"
    assert store.search(("fruit",), query="apples")[-1].score is None


def test_namespaces(store):
    spaces = [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "b", "f"), ("a", "c", "f"), ("z",)]
    for space in reversed(spaces):
        store.put(space, "k", {"space": "/".join(space)})
    assert store.list_namespaces() == spaces
    assert store.list_namespaces(prefix=("a", "b"), max_depth=3) == [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")]
    assert store.list_namespaces(suffix=("f",)) == [("a", "b", "f"), ("a", "c", "f")]
    assert store.list_namespaces(prefix=("a", "*", "f")) == [("a", "b", "f"), ("a", "c", "f")]
    assert store.list_namespaces(suffix=("d", "*")) == [("a", "b", "d", "e"), ("a", "b", "d", "i")]
    assert store.list_namespaces(prefix=("a", "b"), suffix=("f",)) == [("a", "b", "f")]
    assert store.list_namespaces(max_depth=1) == [("a",), ("z",)]
    assert store.list_namespaces(limit=2, offset=1) == spaces[1:3]
    assert store.list_namespaces(prefix=("q",)) == []


def test_unicode_and_odd_labels(store):
    for namespace in [("日本", "ünï"), ("a b", "c/d"), ("*",), ("🍵",), ("a" * 300,)]:
        store.put(namespace, "ключ ☃", {"text": " ".join(namespace)})
        assert store.get(namespace, "ключ ☃").namespace == namespace
        assert keys(store.search(namespace)) == ["ключ ☃"]
    assert ("日本", "ünï") in store.list_namespaces()
    assert store.list_namespaces(prefix=("日本",)) == [("日本", "ünï")]


@pytest.mark.parametrize("namespace", [(), ("a.b",), ("",), ("a", ""), ("langgraph", "x"), (1,), ("a\x00b",)])
def test_bad_namespaces_are_refused(store, namespace):
    with pytest.raises(InvalidNamespaceError):
        store.put(namespace, "k", {"text": "x"})
    assert store.search(()) == []


def test_keys_become_strings(store):
    store.put(("a",), 7, {"x": 1})
    assert store.get(("a",), "7").key == "7"


def test_a_batch_reads_before_it_writes_and_the_last_put_wins(store):
    store.put(("a",), "k", {"text": "old"})
    results = store.batch(
        [
            PutOp(("a",), "k", {"text": "first"}),
            GetOp(("a",), "k"),
            PutOp(("a",), "k", {"text": "second"}),
            SearchOp(("a",)),
            PutOp(("b",), "new", {"text": "another"}),
            ListNamespacesOp(),
            ListNamespacesOp(match_conditions=(MatchCondition("prefix", ("b",)),)),
            PutOp(("c",), "gone", {"text": "gone"}),
            PutOp(("c",), "gone", None),
            PutOp(("d",), "kept", None),
            PutOp(("d",), "kept", {"text": "kept"}),
        ]
    )
    assert [results[i] for i in (0, 2, 4, 7, 8, 9, 10)] == [None] * 7
    assert results[1].value == {"text": "old"}
    assert [item.value for item in results[3]] == [{"text": "old"}]
    assert results[5] == [("a",)]
    assert results[6] == []
    assert store.get(("a",), "k").value == {"text": "second"}
    assert store.get(("b",), "new").value == {"text": "another"}
    assert store.get(("c",), "gone") is None
    assert store.get(("d",), "kept").value == {"text": "kept"}
    assert store.batch([]) == []


def test_a_generator_of_operations(store):
    store.batch(PutOp(("a",), f"k{i}", {"text": f"text {i}"}) for i in range(3))
    assert len(store.batch(op for op in [SearchOp(("a",))])[0]) == 3


def test_ttl_is_refused(store):
    with pytest.raises(NotImplementedError, match="TTL"):
        store.put(("a",), "k", {"x": 1}, ttl=5)


def test_an_unknown_operation_is_refused(store):
    with pytest.raises(ValueError, match="Unknown operation"):
        store.batch(["get"])


def test_async(store):
    async def use():
        await store.aput(("a",), "tea", {"text": "green tea"})
        await store.aput(("a",), "chess", {"text": "plays chess"})
        found = await store.asearch(("a",), query="green tea", limit=1)
        one, spaces = await asyncio.gather(store.aget(("a",), "tea"), store.alist_namespaces())
        await store.adelete(("a",), "tea")
        return keys(found), one.value, spaces, await store.aget(("a",), "tea")

    assert asyncio.run(use()) == (["tea"], {"text": "green tea"}, [("a",)], None)


def test_eight_threads(store):
    def work(worker):
        for i in range(6):
            store.put(("w", str(worker)), f"k{i}", {"text": f"worker {worker} wrote {i}"})
            store.put(("shared",), "counter", {"text": f"by {worker}"})
            assert store.get(("w", str(worker)), f"k{i}").value["text"] == f"worker {worker} wrote {i}"
        store.delete(("w", str(worker)), "k0")
        return len(store.search(("w", str(worker)), query="wrote"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [5] * 8
    assert len(store.search((), limit=100)) == 41
    assert len(store.list_namespaces()) == 9


def test_scores_are_those_of_langgraphs_store(tmp_path):
    fake = WordHashEmbedder()
    theirs = InMemoryStore(index={"embed": lambda texts: fake.embed(texts).tolist(), "dims": fake.dim})
    with ThoughtMemory(tmp_path, fake, recall_mode="exact") as memory:
        ours = LangGraphStore(memory, "ann")
        for store in (theirs, ours):
            fill(store)
        for query in ("green tea", "who plays chess", "drink"):
            found, expected = (store.search(("docs",), query=query) for store in (ours, theirs))
            assert [item.key for item in found] == [item.key for item in expected]
            assert [item.score for item in found] == pytest.approx([item.score for item in expected], abs=1e-5)
