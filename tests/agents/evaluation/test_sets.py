"""What the evaluation reads: our contradiction set, and small files written as LoCoMo and MADial-Bench were published."""

import gzip
import json
from collections import Counter
from contextlib import contextmanager

import pytest

from bethink.agents.evaluation.contradictions import Ours, judge, load_contradictions, says
from bethink.agents.evaluation.conversations import (
    EvaluationError,
    remember_thoughts,
    remember_turns,
)
from bethink.agents.evaluation.locomo import load_locomo
from bethink.agents.evaluation.madial import load_madial
from bethink.memory import ThoughtMemory
from tests.memory.fake_embedder import WordHashEmbedder


def _locomo():
    turn = {"speaker": "Ana", "dia_id": "D1:1", "text": "I went to Porto."}
    picture = {"speaker": "Ben", "dia_id": "D1:2", "text": "Look!", "blip_caption": "a photo of a red tram"}
    return [
        {
            "sample_id": "conv-1",
            "conversation": {
                "speaker_a": "Ana",
                "speaker_b": "Ben",
                "session_1_date_time": "1:56 pm on 8 May, 2023",
                "session_1": [turn, picture],
                "session_2_date_time": "2:00 am on 1 June, 2023",
                "session_2": [],
            },
            "observation": {"session_1_observation": {"Ana": [["Ana went to Porto.", "D1:1"]], "Ben": []}},
            "qa": [
                {"question": "Where did Ana go?", "answer": "Porto", "evidence": ["D1:1; D:1:2", "D"], "category": 1},
                {"question": "How many trams?", "answer": 1, "evidence": [], "category": 3},
                {"question": "Who is Carl?", "adversarial_answer": "a cook", "evidence": ["D9:9"], "category": 5},
            ],
        }
    ]


def test_locomo_is_read_with_its_traps(tmp_path):
    (tmp_path / "locomo10.json.gz").write_bytes(gzip.compress(json.dumps(_locomo()).encode()))
    (conversation,) = load_locomo(tmp_path)
    assert [turn.text for turn in conversation.turns] == ["I went to Porto.", "Look! [a photo of a red tram]"]
    assert conversation.turns[0].at == "2023-05-08T13:56:00Z"
    first, second, third = conversation.questions
    assert (first.kind, first.evidence) == ("multi-hop", ("D1:1", "D1:2"))
    assert (second.answer, second.evidence) == ("1", ())
    assert (third.kind, third.answer, third.evidence) == ("adversarial", None, ())
    assert conversation.thoughts[0].sources == ("D1:1",)


def test_a_conversation_goes_into_a_memory_and_is_found(tmp_path):
    (tmp_path / "locomo10.json").write_text(json.dumps(_locomo()))
    (conversation,) = load_locomo(tmp_path / "locomo10.json")
    with ThoughtMemory(tmp_path / "memory", WordHashEmbedder()) as memory:
        remember_turns(memory, conversation, "u")
        remember_thoughts(memory, conversation.thoughts, "u")
        assert len(memory.list(user_id="u")) == 3
        hits = memory.search("Where did Ana go?", user_id="u", k=5)
    assert {turn for hit in hits for turn in hit.thought.source_turns} == {"D1:1", "D1:2"}
    assert hits[0].thought.source_turns == ("D1:1",)
    assert hits[0].thought.date == "2023-05-08"


@pytest.mark.parametrize(
    ("body", "message"),
    [("{", "cannot be read"), ("[{}]", "not LoCoMo"), ("7", "not LoCoMo"), ('[{"conversation": 3}]', "not LoCoMo")],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, body, message):
    (tmp_path / "locomo10.json").write_text(body)
    with pytest.raises(EvaluationError, match=message):
        load_locomo(tmp_path)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"no locomo10\.json"):
        load_locomo(tmp_path)
    (tmp_path / "locomo10.json.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_locomo(tmp_path)
    (tmp_path / "locomo10.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_locomo(tmp_path)


def test_madial_is_read(tmp_path):
    memory = {"1": {"time": "2023-12-25", "scene": "Activity", "emotion": "Happy", "event": "Bart danced."}}
    talk = {
        "dialogue": ["<BOD>\n", "a\n", "b\n", "c\n", "d\n", "e\n"],
        "test-turn": [5],
        "relevant-id": [1],
        "user-id": 1,
    }
    (tmp_path / "madial_en_memory.jsonl").write_text(json.dumps(memory) + "\n")
    (tmp_path / "madial_en_dialogue.jsonl").write_text(json.dumps(talk) + "\n")
    memories, talks = load_madial(tmp_path)
    assert (memories[0].text, memories[0].at, memories[0].sources) == ("Bart danced.", "2023-12-25T00:00:00Z", ("1",))
    assert (talks[0].query, talks[0].relevant) == ("a\nb\nc\nd", ("1",))


def test_our_set_is_what_its_description_says():
    items = load_contradictions()
    assert Counter(item["kind"] for item in items) == {"update": 200, "negative": 200, "deletion": 50, "chain": 50}
    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        if item["kind"] == "update":
            assert len(set(item["second"]["texts"])) == 3
            assert item["first"]["date"] < item["second"]["date"]
            assert says(item["first"]["text"], item["old"])
            assert all(says(text, item["new"]) for text in item["second"]["texts"])
        elif item["kind"] == "chain":
            assert all(says(step["text"], step["triple"][2]) for step in item["steps"])
        elif item["kind"] == "deletion":
            assert set(item["targets"]) < set(range(len(item["thoughts"])))


def test_triples_given_update_and_keep(tmp_path):
    chosen = [item for item in load_contradictions() if int(item["id"].split("-")[1]) % 20 == 0]
    with ThoughtMemory(tmp_path, WordHashEmbedder()) as memory:

        @contextmanager
        def opened(name):
            yield Ours(memory, name, oracle=True)

        rows = judge([item for item in chosen if item["kind"] in ("update", "negative")], opened)
    assert len(rows) == 40
    assert all(row.right for row in rows if row.kind == "negative")
    assert sum(row.right for row in rows if row.kind == "update") >= 25  # the fake embedder finds words, not meaning


def test_a_memory_that_never_ends_anything_is_wrong(tmp_path):
    chosen = [item for item in load_contradictions() if item["kind"] == "update"][:5]
    with ThoughtMemory(tmp_path, WordHashEmbedder(), conflict_policy="keep_both") as memory:

        @contextmanager
        def opened(name):
            yield Ours(memory, name, oracle=True)

        assert not any(row.right for row in judge(chosen, opened))
