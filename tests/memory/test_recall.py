"""The channels of recall: their formulas, and that each does what it is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory import ThoughtMemory
from bethink.memory.recall import (
    WEIGHTS,
    best_of_session,
    checked_weights,
    from_neighbours,
    telling,
)


def test_weights_are_checked():
    assert checked_weights(None) == WEIGHTS
    assert checked_weights({"lexical": 0})["lexical"] == 0
    with pytest.raises(ValueError, match="no channel bm25"):
        checked_weights({"bm25": 1.0})
    with pytest.raises(ValueError, match="finite"):
        checked_weights({"cosine": float("nan")})


def test_small_talk_tells_little():
    assert telling("Wow, that's great!") < telling("Where did you go?") + 0.2
    assert telling("I adopted two dogs in March, Rex and Bella, from the shelter.") > 2 * telling("Thanks a lot!")
    assert telling("") == 0


def test_neighbours_are_those_that_are_weighed():
    rows = np.array([2, 5, 6, 9])
    base = np.array([1.0, 5.0, 2.0, 4.0], dtype=np.float32)
    before, after = np.array([-1, 2, 5, 3]), np.array([5, 6, 7, 10])
    assert from_neighbours(base, rows, before, after).tolist() == [5, 2, 5, 0]
    assert len(from_neighbours(base, rows, before[:0], after[:0])) == 0
    assert from_neighbours(base[:0], rows[:0], before, after).tolist() == [0, 0, 0, 0]


@given(st.lists(st.tuples(st.integers(-1, 4), st.floats(-2, 2, width=32)), max_size=40))
def test_the_best_of_a_session_is_the_mean_of_its_three_best(pairs):
    sessions = np.array([session for session, _ in pairs], dtype=int)
    base = np.array([value for _, value in pairs], dtype=np.float32)
    found = best_of_session(base, sessions)
    for i, session in enumerate(sessions):
        best = np.sort(base[sessions == session])[::-1][:3]
        assert found[i] == pytest.approx(base[i] if session < 0 else best.mean(), abs=1e-5)


def _turns(memory, session, lines, **more):
    memory.add(
        [
            {"role": "user", "name": name, "content": text, "turn_id": f"{session}:{i}", "timestamp": "2024-05-01"}
            for i, (name, text) in enumerate(lines)
        ],
        user_id="ana",
        session_id=session,
        infer=False,
        **more,
    )


TALK = [
    ("Ana", "What did you do with the old guitar?"),
    ("Ben", "Sold it last week, to a neighbour."),
    ("Ana", "Nice weather today."),
    ("Ben", "Yes, very nice."),
]


def test_an_answer_is_found_by_the_question_before_it(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s1", TALK)
        _turns(memory, "s2", [("Ben", "Sold it."), ("Ana", "Good.")])
        hits = {hit.thought.source_turns[0]: hit for hit in memory.search("the old guitar", user_id="ana", k=6)}
    assert hits["s1:1"].channels["beside"] > hits["s1:3"].channels["beside"]
    assert hits["s1:2"].channels["near"] > 0
    assert hits["s2:0"].channels["beside"] < hits["s1:1"].channels["beside"]


def test_the_speaker_named_in_the_query_comes_first(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s", [("Ana", "I like jazz."), ("Ben", "I like jazz too.")])
        found = memory.search("What music does Ben like?", user_id="ana", k=2)
        assert found[0].thought.speaker == "Ben"
        assert [hit.channels["speaker"] for hit in found] == [WEIGHTS["speaker"], 0]
        both = memory.search("Do Ana and Ben like jazz?", user_id="ana", k=2)
        assert [hit.channels["speaker"] for hit in both] == [0, 0]  # naming everybody tells nothing


def test_a_turn_gives_way_to_what_was_learned_from_it(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        for infer in (True, False):
            memory.add("I live in Porto.", user_id="ana", turn_id="t1", session_id="s", infer=infer)
        memory.add(
            [{"role": "assistant", "content": "Porto is lovely.", "turn_id": "t1"}],
            user_id="ana",
            session_id="s",
            infer=False,
        )
        found = memory.search("Porto", user_id="ana", k=5)
        assert len(memory.list(user_id="ana")) == 3
    assert len(found) == 2  # the fact or the turn, and the assistant's words
    assert {hit.thought.speaker for hit in found} == {None, "assistant"}


def test_an_edited_turn_keeps_its_place_in_the_talk(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s", TALK)
        first = next(t for t in memory.list(user_id="ana") if t.source_turns == ("s:0",))
        memory.update(first.id, "Ana: Where is the red piano?", user_id="ana")
        hits = {hit.thought.source_turns[0]: hit for hit in memory.search("red piano", user_id="ana", k=4)}
        assert hits["s:1"].channels["beside"] > hits["s:3"].channels["beside"]


def test_recall_is_the_same_after_a_restart(tmp_path, embedder):
    def recalled(memory):
        return [
            (hit.thought.id, {name: round(value, 4) for name, value in hit.channels.items()})
            for hit in memory.search("Who sold the guitar, Ben?", user_id="ana", k=4)
        ]

    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s", TALK)
        memory.insert("Ben plays the drums.", user_id="ana", session_id="s")
        before = recalled(memory)
    with ThoughtMemory(tmp_path, embedder) as memory:
        assert recalled(memory) == before


def test_forgotten_turns_lend_nothing_to_their_neighbours(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s", TALK)
        first = next(t for t in memory.list(user_id="ana") if t.source_turns == ("s:0",))
        memory.forget(user_id="ana", ids=[first.id])
        hits = {hit.thought.source_turns[0]: hit for hit in memory.search("the old guitar", user_id="ana", k=4)}
        assert set(hits) == {"s:1", "s:2", "s:3"}
        assert hits["s:2"].channels["near"] == 0


def test_a_great_memory_recalls_what_a_full_ranking_would(tmp_path, embedder, monkeypatch):
    lines = [(("Ana", "Ben")[i % 2], f"I saw bird {i % 37} near lake {i % 11} on walk {i}.") for i in range(600)]
    with ThoughtMemory(tmp_path, embedder) as memory:
        _turns(memory, "s", lines)
        queries = [
            f"Which bird did {who} see near lake {i} on walk {7 * i}?" for who in ("Ana", "Ben") for i in range(10)
        ]
        full = [[hit.thought.id for hit in memory.search(query, user_id="ana", k=10)] for query in queries]
        monkeypatch.setattr("bethink.memory.shelf.MANY", 50)
        quick = [[hit.thought.id for hit in memory.search(query, user_id="ana", k=10)] for query in queries]
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(full, quick, strict=True)]) > 0.9
        gone = [thought.id for thought in memory.list(user_id="ana")[:500]]
        memory.forget(user_id="ana", ids=gone)
        left = [hit.thought.id for hit in memory.search("bird", user_id="ana", k=100)]
        assert len(left) == 100  # the graph asks for more until enough are found that still hold
        assert not set(left) & set(gone)


def test_the_graph_finds_the_nearest(tmp_path, embedder):
    words = [f"I like thing {i} of kind {i % 7}." for i in range(80)]
    with ThoughtMemory(tmp_path, embedder, recall_mode="hnsw") as memory:
        for word in words:
            memory.insert(word, user_id="ana")
        found = [hit.score for hit in memory.search("I like thing 42 of kind 0", user_id="ana", k=20)]
        change = memory.insert("I like thing 42 of kind 0", user_id="ana")  # rows that came later are walked, too
        assert memory.search("I like thing 42 of kind 0", user_id="ana", k=1)[0].thought.id == change.id
    best = np.sort(embedder.embed(words) @ embedder.embed(["I like thing 42 of kind 0"])[0])[::-1][:20]
    np.testing.assert_allclose(found, best, atol=1e-5)
