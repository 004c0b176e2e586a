"""Every memory behind one face: what it is given, what it recalls, that it forgets, that users are apart."""

from importlib.util import find_spec

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.memories import MEMORIES, checked, items, open_memory, parts
from tests.agents.evaluation.small import small
from tests.memory.fake_embedder import WordHashEmbedder

HERE = [name for name in MEMORIES if name != "mem0" or find_spec("mem0")]


@pytest.fixture
def pair(tmp_path):
    return small(tmp_path)


@pytest.mark.parametrize("name", HERE)
def test_add_recall_forget(name, pair, tmp_path):
    ana, ben = pair
    with open_memory(name, tmp_path / "memory", WordHashEmbedder()) as memory:
        added = sum(memory.add(part, "turns") for part in parts(ana))
        memory.add(ben, "turns")
        assert added == 4
        held = memory.held("ana")
        assert {turn for item in held for turn in item.sources} == {turn.id for turn in ana.turns}
        recalled = memory.recall("ana", ana.questions[0].text, 4)
        assert all(turn.startswith("ana/") for item in recalled for turn in item.sources)
        if name not in ("none", "paper"):
            assert "ana/1" in {turn for item in recalled for turn in item.sources}
            assert recalled[0].day.startswith("2026-03-0")
        gone = [item.id for item in held if "ana/1" in item.sources]
        memory.forget("ana", gone)
        left = {turn for item in memory.held("ana") for turn in item.sources}
        assert left == {"ana/2", "ana/3", "ana/4"}
        again = memory.recall("ana", ana.questions[0].text, 4)
        assert "ana/1" not in {turn for item in again for turn in item.sources}
        assert len(memory.held("ben")) == 2


def test_none_recalls_nothing_and_full_context_all_in_order(pair, tmp_path):
    with open_memory("none", tmp_path, WordHashEmbedder()) as memory:
        memory.add(pair[0], "turns")
        assert memory.recall("ana", "Porto", 5) == []
    with open_memory("full-context", tmp_path, WordHashEmbedder()) as memory:
        memory.add(pair[0], "turns")
        assert [item.sources[0] for item in memory.recall("ana", "Porto", 1)] == [f"ana/{n}" for n in (1, 2, 3, 4)]


def test_the_oracle_recalls_the_evidence(pair, tmp_path):
    with open_memory("oracle", tmp_path, WordHashEmbedder()) as memory:
        for part in parts(pair[0]):
            memory.add(part, "turns")
        assert [item.sources for item in memory.recall("ana", pair[0].questions[2].text, 5)] == [("ana/3",)]
        assert memory.recall("ana", pair[0].questions[3].text, 5) == []


def test_what_a_plain_memory_is_given(pair):
    ana, _ = pair
    turns = items(ana, "turns")
    assert turns[0].text == "(1 March 2026) Ana: I moved to Porto last week."
    assert [item.text for item in items(ana, "given")] == ["(1 March 2026) Ana lives in Porto."]
    facts = items(ana, "rules")
    assert any("Porto" in item.text and item.sources == ("ana/1",) for item in facts)
    assert len(items(ana, "rules+turns")) == len(facts) + 4
    assert len({item.id for part in parts(ana) for item in items(part, "rules+turns")}) == len(facts) + 4


def test_what_cannot_be_remembered_is_said(pair):
    with pytest.raises(EvaluationError, match="no thoughts"):
        checked(pair[1], "given")
    with pytest.raises(EvaluationError, match="Choose one of"):
        checked(pair[0], "everything")


def test_unknown_and_absent_memories_are_named(tmp_path, monkeypatch):
    with pytest.raises(EvaluationError, match="langgraph"):
        open_memory("nosuch", tmp_path, WordHashEmbedder())
    monkeypatch.setitem(__import__("sys").modules, "mem0", None)
    with (
        pytest.raises(EvaluationError, match="pip install mem0ai"),
        open_memory("mem0", tmp_path, WordHashEmbedder()),
    ):
        pass
