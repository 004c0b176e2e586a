from __future__ import annotations

import numpy as np
import pytest

from bethink.memory import MemoryFolderError, NullExtractor, ThoughtMemory
from bethink.memory.extract import MAX_READ
from bethink.memory.recall import WEIGHTS

PORTO = "My sister Maria lives in Porto and is allergic to nuts."


@pytest.fixture
def memory(place, embedder):
    """On both stores."""
    with place.open(embedder) as opened:
        yield opened


def texts(memory, user="ana", **more):
    return sorted(thought.text for thought in memory.list(user_id=user, **more))


def test_what_is_said_is_recalled(memory):
    changes = memory.add(PORTO, user_id="ana", session_id="s", turn_id="t1", timestamp="2024-05-01")
    assert [change.op for change in changes] == ["insert", "insert"]
    best = memory.search("Where does Maria live?", user_id="ana")[0]
    assert best.thought.text == "My sister Maria lives in Porto."
    assert best.thought.source_turns == ("t1",)
    assert best.thought.date == "2024-05-01"
    assert -1 <= best.score <= 1
    assert best.thought.bucket == memory.lsh.hash(memory.embedder.embed([best.thought.text]))[0, 0]


def test_the_same_turn_again_changes_nothing(memory):
    memory.add(PORTO, user_id="ana", turn_id="t1")
    again = memory.add(PORTO, user_id="ana", turn_id="t1")
    assert [change.op for change in again] == ["noop", "noop"]
    assert len(memory.list(user_id="ana", include_inactive=True)) == 2
    assert len(memory.history(again[0].id, user_id="ana")) == 1


def test_the_same_fact_in_another_turn_is_known(memory):
    memory.add(PORTO, user_id="ana", turn_id="t1")
    assert memory.add("Maria lives in Porto.", user_id="ana", turn_id="t2")[0].op == "noop"


def test_a_move_supersedes_and_time_can_be_asked(memory):
    memory.add(PORTO, user_id="ana", turn_id="t1", timestamp="2024-05-01")
    (change,) = memory.add("Maria lives in Lisbon.", user_id="ana", turn_id="t2", timestamp="2024-06-01")
    assert (change.op, change.old) == ("supersede", "My sister Maria lives in Porto.")
    assert texts(memory) == ["Maria lives in Lisbon.", "My sister Maria is allergic to nuts."]

    def where(**more):
        return {hit.thought.object for hit in memory.search("Where does Maria live?", user_id="ana", **more)}

    assert where() == {"Lisbon", "nuts"}
    assert where(as_of="2024-05-15") == {"Porto", "nuts"}
    assert where(as_of="2024-06-15") == {"Lisbon", "nuts"}
    assert where(as_of="2023-01-01") == set()
    assert where(include_inactive=True) == {"Porto", "Lisbon", "nuts"}


def test_history_may_arrive_late(memory):
    memory.add("I live in Lisbon.", user_id="ana", timestamp="2024-06-01")
    memory.add("I live in Porto.", user_id="ana", timestamp="2020-01-01")
    assert texts(memory) == ["I live in Lisbon."]
    (hit,) = memory.search("Where do I live?", user_id="ana", as_of="2021-01-01")
    assert hit.thought.object == "Porto"


def test_keep_both(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder, conflict_policy="keep_both") as memory:
        memory.add("I live in Porto. I live in Lisbon.", user_id="ana")
        assert len(texts(memory)) == 2


def test_the_papers_policy_drops_a_preference_stated_both_ways(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder, conflict_policy="paper") as memory:
        memory.add("I like coffee.", user_id="u", timestamp="2024-05-01T10:00:00Z")
        (change,) = memory.add("I dislike coffee.", user_id="u", timestamp="2024-06-01T10:00:00Z")
        assert (change.op, change.old) == ("forget", "I like coffee.")
        assert memory.list(user_id="u") == []
        assert len(memory.list(user_id="u", include_inactive=True)) == 2
        memory.add("I live in Porto.", user_id="u")
        memory.add("I live in Lisbon now.", user_id="u")
        assert [t.text for t in memory.list(user_id="u")] == ["I live in Lisbon now."], "no preference: as ever"
        memory.undo(change.token, user_id="u")
        assert "I like coffee." in [t.text for t in memory.list(user_id="u")]


def test_two_facts_of_one_message_may_contradict(memory):
    changes = memory.add("I live in Porto. Correction: I live in Lisbon.", user_id="ana", turn_id="t")
    assert [change.op for change in changes] == ["insert", "supersede"]
    assert texts(memory) == ["I live in Lisbon."]


def test_retry_and_edit_take_a_turn_back(memory):
    memory.add("I live in Porto.", user_id="ana", turn_id="t1")
    memory.add("I live in Lisbon.", user_id="ana", turn_id="t2")
    memory.revert_turn("t2", user_id="ana")
    assert texts(memory) == ["I live in Porto."]
    memory.add("I live in Lisbon.", user_id="ana", turn_id="t2")
    assert texts(memory) == ["I live in Lisbon."]
    memory.revert_turn("t2", user_id="ana")
    assert memory.revert_turn("t2", user_id="ana") == []
    assert memory.revert_turn("never", user_id="ana") == []
    assert texts(memory) == ["I live in Porto."]


def test_forgetting_is_dry_then_soft_then_undone(memory):
    memory.add(PORTO, user_id="ana", turn_id="t1")
    dry = memory.forget(user_id="ana", query="everything about nuts", dry_run=True)
    assert (dry.matched, dry.forgotten, dry.undo_token) == (1, 0, None)
    assert len(texts(memory)) == 2
    report = memory.forget(user_id="ana", query="everything about nuts")
    assert (report.matched, report.forgotten) == (1, 1)
    assert texts(memory) == ["My sister Maria lives in Porto."]
    assert all("nuts" not in hit.thought.text for hit in memory.search("nuts", user_id="ana", as_of="2999-01-01"))
    assert memory.add(PORTO, user_id="ana", turn_id="t1")[1].reason == "was forgotten"
    (back,) = memory.undo(report.undo_token, user_id="ana")
    assert back.op == "undo"
    assert len(texts(memory)) == 2
    assert memory.undo(report.undo_token, user_id="ana")[0].op == "noop"
    assert [change.op for change in memory.history(back.id, user_id="ana")] == ["insert", "forget", "undo"]


def test_every_selector_narrows(memory):
    memory.add("I like tea. I like jazz.", user_id="ana", turn_id="t1", timestamp="2024-01-01")
    memory.add("I like jazz clubs.", user_id="ana", turn_id="t2", timestamp="2024-06-01")
    jazz = memory.forget(user_id="ana", query="jazz", dry_run=True)
    assert jazz.matched == 2
    assert memory.forget(user_id="ana", query="jazz", before="2024-03-01", dry_run=True).matched == 1
    assert memory.forget(user_id="ana", query="jazz", turn_id="t2", dry_run=True).matched == 1
    assert memory.forget(user_id="ana", ids=jazz.ids, turn_id="t1", dry_run=True).matched == 1
    assert memory.forget(user_id="ana", ids=[], dry_run=True).matched == 0
    assert memory.forget(user_id="ana", query="  ", dry_run=True).matched == 0
    with pytest.raises(ValueError, match="what to forget"):
        memory.forget(user_id="ana")


def test_hard_forgetting_leaves_nothing_to_undo(memory):
    (change,) = memory.add("I like secret tea.", user_id="ana", turn_id="t")
    report = memory.forget(user_id="ana", ids=[change.id], hard=True)
    assert (report.forgotten, report.undo_token) == (1, None)
    assert texts(memory, include_inactive=True) == []
    assert all("secret" not in f"{past}" for past in memory.history(change.id, user_id="ana"))
    with pytest.raises(ValueError, match="for good"):
        memory.undo(memory.history(change.id, user_id="ana")[-1].token, user_id="ana")
    memory.close()
    journal = (memory.folder / "journal.sqlite").read_bytes()
    assert b"secret tea" not in journal


def test_a_look_before_undoing(memory):
    first = memory.add("I live in Porto.", user_id="ana", turn_id="t1")[0]
    edit = memory.update(first.id, "I live in Braga.", user_id="ana")
    for token, op in ((edit.token, "undo"), (first.token, "noop")):
        (change,) = memory.undo(token, user_id="ana", dry_run=True)
        assert change.op == op
    assert change.reason == "changed since"
    assert texts(memory) == ["I live in Braga."]
    assert memory.undo(edit.token, user_id="ana", dry_run=True)[0].text == "I live in Porto."
    assert len(memory.history(first.id, user_id="ana")) == 2
    memory.undo(edit.token, user_id="ana")
    assert memory.undo(first.token, user_id="ana", dry_run=True)[0].op == "undo"  # as it was then


def test_undoing_brings_back_what_was_not_erased_since(memory):
    changes = memory.add("I like tea. I like jazz.", user_id="ana", turn_id="t1")
    report = memory.forget(user_id="ana", turn_id="t1")
    memory.forget(user_id="ana", ids=[changes[0].id], hard=True)
    done = {change.id: (change.op, change.reason) for change in memory.undo(report.undo_token, user_id="ana")}
    assert done == {changes[0].id: ("noop", "erased for good"), changes[1].id: ("undo", "took back: forget")}
    assert texts(memory, include_inactive=True) == ["I like jazz."]


def test_an_edit_reads_the_triple_again(memory):
    (change,) = memory.add("I live in Porto.", user_id="ana")
    edit = memory.update(change.id, "I live in Braga.", user_id="ana")
    assert (edit.op, edit.old) == ("edit", "I live in Porto.")
    assert memory.get(change.id, user_id="ana").object == "Braga"
    assert memory.search("Porto", user_id="ana")[0].channels["lexical"] == 0
    memory.undo(edit.token, user_id="ana")
    assert memory.get(change.id, user_id="ana").object == "Porto"
    assert memory.search("Porto", user_id="ana")[0].channels["lexical"] > 0
    assert memory.update(change.id, "I live in Porto.", user_id="ana").op == "noop"


def test_merging_unites_and_can_be_undone(memory):
    for i, thing in enumerate(("tea", "jazz", "Rome")):
        memory.add(f"I like {thing}.", user_id="ana", turn_id=f"t{i}", timestamp=f"2024-0{i + 1}-01")
    (preview,) = memory.merge(user_id="ana", dry_run=True)
    assert len(texts(memory)) == 3
    (change,) = memory.merge(user_id="ana")
    assert change.text == preview.text == "I like tea, jazz and Rome."
    merged = memory.get(change.id, user_id="ana")
    assert merged.source_turns == ("t0", "t1", "t2")
    assert len(merged.merged_from) == 3
    assert merged.metadata["dates"] == "2024-01-01, 2024-02-01, 2024-03-01"
    assert merged.bucket == memory.lsh.hash(memory.embedder.embed([merged.text]))[0, 0]
    assert texts(memory) == [merged.text]
    early = {hit.thought.object for hit in memory.search("like", user_id="ana", as_of="2024-02-15")}
    assert early == {"tea", "jazz"}
    memory.undo(change.token, user_id="ana")
    assert len(texts(memory)) == 3
    assert memory.merge(user_id="ana")[0].text == merged.text


def test_out_and_in_again(memory, tmp_path, embedder):
    memory.add(PORTO, user_id="ana", turn_id="t1", timestamp="2024-05-01")
    memory.add("Maria lives in Lisbon.", user_id="ana", timestamp="2024-06-01")
    lines = list(memory.export(user_id="ana"))
    assert len(lines) == 3
    with ThoughtMemory(tmp_path / "other", embedder) as other:
        assert {change.op for change in other.import_(lines, user_id="bob")} == {"insert"}
        assert [line.replace('"bob"', '"ana"') for line in other.export(user_id="bob")] == lines
        assert {change.op for change in other.import_(lines, user_id="bob")} == {"noop"}
        assert other.search("Where does Maria live?", user_id="bob")[0].thought.object == "Lisbon"
        assert other.list(user_id="ana") == []


@pytest.mark.parametrize(
    "bad", ["not json", "{}", '{"id": "../x", "text": "a", "user_id": "u", "created_at": "2024-01-01"}']
)
def test_an_import_is_all_or_nothing(memory, bad):
    memory.add("I live in Porto.", user_id="ana")
    good = list(memory.export(user_id="ana"))
    with pytest.raises(ValueError, match=r"Line 2 .* Nothing was imported"):
        memory.import_([*good, bad], user_id="bob")
    assert memory.list(user_id="bob") == []


def test_modes_of_recall(tmp_path, embedder):
    words = [f"I like thing {i} of kind {i % 7}." for i in range(200)]
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.import_(_lines(memory, words), user_id="ana")
    found = {}
    for mode in ("auto", "exact", "paper"):
        with ThoughtMemory(tmp_path, embedder, recall_mode=mode) as memory:
            found[mode] = memory.search("I like thing 42 of kind 0", user_id="ana", k=50)
            bucket = int(memory.lsh.hash(embedder.embed(["I like thing 42 of kind 0"]))[0, 0])
    vectors = embedder.embed(words)
    best = np.sort(vectors @ embedder.embed(["I like thing 42 of kind 0"])[0])[::-1][:50]
    np.testing.assert_allclose([hit.score for hit in found["exact"]], best, atol=1e-5)
    assert {hit.thought.bucket for hit in found["paper"]} == {bucket}
    assert found["paper"][0].thought == found["auto"][0].thought == found["exact"][0].thought
    assert set(found["auto"][0].channels) == set(WEIGHTS)


def _lines(memory, sentences):
    for sentence in sentences:
        memory.insert(sentence, user_id="draft")
    return list(memory.export(user_id="draft"))


def test_limits_of_recall(memory):
    memory.add("I like tea. I like jazz. I like Rome.", user_id="ana")
    assert len(memory.search("like", user_id="ana", k=2)) == 2
    assert memory.search("zebra crossing", user_id="ana", min_score=0.9) == []
    assert len(memory.search("like", user_id="ana", max_tokens=7)) == 2
    assert memory.search("like", user_id="ana", max_tokens=0) == []
    assert memory.search("  ", user_id="ana") == []
    with pytest.raises(ValueError, match="at least 1"):
        memory.search("like", user_id="ana", k=0)


def test_an_empty_memory_asks_nobody(tmp_path):
    class Untouchable:
        name, dim = "untouchable", 8

        def embed(self, texts):
            raise AssertionError("the embedder was asked")

    with ThoughtMemory(tmp_path, Untouchable()) as memory:
        assert memory.search("anything", user_id="ana") == []
        assert memory.list(user_id="ana") == []
        assert memory.add("How are you?", user_id="ana") == []
        assert memory.merge(user_id="ana") == []
        assert memory.stats(user_id="ana")["thoughts"] == 0
        assert not (tmp_path / "chroma").exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_an_embedder_gone_wrong_writes_nothing(tmp_path, embedder, bad):
    class Broken:
        name, dim = embedder.name, embedder.dim

        def embed(self, texts):
            return np.full((len(texts), self.dim), bad, np.float32)

    with ThoughtMemory(tmp_path, Broken()) as memory, pytest.raises(ValueError, match=r"NaN|zeros"):
        memory.add("I live in Porto.", user_id="ana")
    with ThoughtMemory(tmp_path, embedder) as memory:
        assert memory.list(user_id="ana") == []


@pytest.mark.parametrize("text", ["", "   ", "🎉", "\ud800", "\x00", "?" * 1000, "x" * 10**6])
def test_any_text_can_be_added_and_asked(memory, text):
    memory.add("I live in Porto.", user_id="ana")
    for infer in (True, False):
        changes = memory.add(text, user_id="ana", infer=infer)
        assert all(change.op in ("insert", "noop") for change in changes)
        if len(text) > MAX_READ:
            assert "characters were read" in changes[-1].reason
    memory.search(text, user_id="ana")
    memory.list(user_id="ana", query=text)
    assert "I live in Porto." in texts(memory)


def test_surrogates_in_every_place(memory):
    user = "an\udcffa"
    (change,) = memory.add("I live in Por\ud800to.", user_id=user, turn_id="t\ud800", session_id="s\ud800")
    assert memory.get(change.id, user_id=user).text == "I live in Por?to."
    assert memory.list(user_id="an?a") == []
    assert memory.revert_turn("t\ud800", user_id=user)


@pytest.mark.parametrize("bad", ["", "  ", "x" * 4001])
def test_texts_that_cannot_be_a_thought(memory, bad):
    with pytest.raises(ValueError, match="thought"):
        memory.insert(bad, user_id="ana")


def test_other_bad_input(memory):
    with pytest.raises(ValueError, match="user_id"):
        memory.add("I live in Porto.", user_id="")
    with pytest.raises(ValueError, match="ISO-8601"):
        memory.add("I live in Porto.", user_id="ana", timestamp="yesterday")
    with pytest.raises(ValueError, match="Metadata"):
        memory.add("I live in Porto.", user_id="ana", metadata={"a": [1]})
    with pytest.raises(ValueError, match="nothing to undo"):
        memory.undo("nonsense", user_id="ana")
    for call in (memory.get, memory.update):
        with pytest.raises(KeyError, match="no thought"):
            call("nonsense", *(["text"] if call == memory.update else []), user_id="ana")
    for option in ({"recall_mode": "best"}, {"conflict_policy": "paper!"}):
        with pytest.raises(ValueError, match="must be"):
            ThoughtMemory(memory.folder / "x", memory.embedder, **option)
    assert memory.list(user_id="ana") == []


def test_a_triple_given_by_hand_takes_part(memory):
    memory.insert(
        "Maria's home is Porto.", user_id="ana", triple=("Maria", "lives in", "Porto"), timestamp="2024-01-01"
    )
    change = memory.insert("Maria's home is Rome.", user_id="ana", triple=("Maria", "lives in", "Rome"))
    assert change.op == "supersede"


def test_turns_as_they_are(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder, extractor=NullExtractor()) as memory:
        memory.add(
            [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}], user_id="ana"
        )
        assert texts(memory) == ["assistant: Good day.", "user: Hello."]


def test_secrets_are_not_kept(memory):
    memory.add("My password is hunter2. I live in Porto.", user_id="ana")
    memory.add("my key is sk-abcdefghijklmnop1234567890", user_id="ana", infer=False)
    memory.insert("Card: 4111 1111 1111 1111", user_id="ana")
    memory.close()
    everything = b"".join(file.read_bytes() for file in memory.folder.rglob("*") if file.is_file())
    assert b"Porto" in everything
    for secret in (b"hunter2", b"sk-abcdef", b"4111 1111"):
        assert secret not in everything


def test_after_a_restart_all_is_there(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.add(PORTO, user_id="ana", turn_id="t1")
        memory.forget(user_id="ana", query="nuts")
        before = list(memory.export(user_id="ana"))
        hits = memory.search("Porto", user_id="ana")
    with ThoughtMemory(tmp_path, embedder) as memory:
        assert list(memory.export(user_id="ana")) == before
        assert memory.search("Porto", user_id="ana") == hits


def test_a_closed_memory_says_so(memory):
    memory.close()
    memory.close()
    with pytest.raises(MemoryFolderError, match="was closed"):
        memory.list(user_id="ana")
