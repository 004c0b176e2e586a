"""What the parts of the Memory tab show and do, without a browser: the memory is real, its embedder a fake."""

from __future__ import annotations

import json

import pytest

from bethink.app.thought_history import history_of, undo
from bethink.app.ui import memory_board as board
from bethink.app.ui import memory_forget, memory_import, memory_merge, memory_recall
from bethink.memory import Hit, ThoughtMemory


@pytest.fixture
def memory(tmp_path, fake_embedder):
    with ThoughtMemory(tmp_path / "memory", fake_embedder) as opened:
        opened.add("I live in Porto.", user_id="ana", turn_id="t1", session_id="s1", timestamp="2023-05-01")
        opened.add("I live in Lisbon.", user_id="ana", turn_id="t2", timestamp="2024-05-01")
        opened.add("I like tea. I like jazz.", user_id="ana", turn_id="t3", timestamp="2024-06-01")
        yield opened


def by_text(memory, text, user="ana"):
    return next(one for one in memory.list(user_id=user, include_inactive=True) if one.text == text)


def active(memory, user="ana"):
    return {one.text for one in memory.list(user_id=user)}


def test_the_table_tells_dates_source_and_status(memory):
    row = board.rows([by_text(memory, "I live in Porto.")], {"s1": "About Porto"})[0]
    assert row == ["I live in Porto.", "2023-05-01", "2023-05-01", "About Porto", "superseded 2024-05-01"]
    memory.merge(user_id="ana")
    merged = next(one for one in memory.list(user_id="ana") if one.merged_from)
    assert board.rows([merged], {})[0][3:] == ["2 merged", "active"]
    memory.forget(user_id="ana", ids=[merged.id])
    assert board.status(memory.get(merged.id, user_id="ana")).startswith("forgotten 20")


def test_each_change_has_its_undo_or_the_reason_why_not(memory):
    porto = by_text(memory, "I live in Porto.").id
    ended, learned = history_of(memory, porto, "ana")
    assert (ended.what, ended.others, ended.why_not) == ("replaced by a newer one", 1, "")
    assert (learned.what, learned.why_not) == ("learned", "It cannot be undone: changed since.")
    assert board.as_line(ended)["label"] == "Undo (with 1 more)"
    assert board.as_line(learned)["token"] == ""
    assert "changed since" in board.as_line(learned)["html"]
    changes, said = undo(memory, ended.change.token, "ana")
    assert {change.op for change in changes} == {"undo"}
    assert "“I live in Porto.” holds again" in said
    assert "“I live in Lisbon.” is forgotten now" in said
    redo = history_of(memory, porto, "ana")[0]
    _, said = undo(memory, redo.change.token, "ana")
    assert "“I live in Porto.” is replaced now" in said
    assert active(memory) == {"I live in Lisbon.", "I like tea.", "I like jazz."}


def test_an_undone_edit_names_both_texts_and_a_second_undo_nothing(memory):
    tea = by_text(memory, "I like tea.").id
    token = memory.update(tea, "I like coffee.", user_id="ana").token
    assert undo(memory, token, "ana")[1] == "Undone: “I like coffee.” is “I like tea.” again."
    assert undo(memory, token, "ana")[1] == "Nothing was undone: changed since."


def test_an_undo_of_many_names_three_and_counts_what_stays(memory):
    for number in range(6):
        memory.insert(f"Fact {number}.", user_id="ana")
    token = memory.forget(user_id="ana", query="fact").undo_token
    memory.forget(user_id="ana", ids=[by_text(memory, "Fact 5.").id], hard=True)
    said = undo(memory, token, "ana")[1]
    assert said.endswith("; and 2 more. 1 left as it is (erased for good).")
    assert said.count("holds again") == 3


def test_a_reason_names_thoughts_not_ids(memory):
    memory.merge(user_id="ana")
    newest = history_of(memory, by_text(memory, "I like tea.").id, "ana")[0]
    assert newest.what == "merged into another"
    assert newest.why in ("merged into “I like tea and jazz.”", "merged into “I like jazz and tea.”")


def test_no_markup_of_a_thought_is_run(memory):
    change = memory.insert("<img src=x onerror=alert(1)>", user_id="ana")
    memory.update(change.id, "<script>1</script>", user_id="ana")
    shown = "".join(board.as_line(one)["html"] for one in history_of(memory, change.id, "ana"))
    assert "<img" not in shown
    assert "<script" not in shown
    assert "<b>" not in board.said_line("<b>")


def test_what_would_be_forgotten_is_what_is_forgotten(memory):
    def found(words="", before="", hard=False):
        return [one.text for one in memory_forget.fitting(memory, words, before, hard, "ana")]

    assert found(words="tea") == ["I like tea."]
    assert found(before="2024-05-15") == ["I live in Lisbon."]
    assert found(before="2024-05-15", hard=True) == ["I live in Lisbon.", "I live in Porto."]
    assert found(words="like", before="2024-05-15") == []
    assert memory_forget.fitting(memory, "tea", "", False, "bob") == []
    with pytest.raises(ValueError, match="words, a date, or both"):
        found("  ")
    with pytest.raises(ValueError, match="ISO-8601"):
        found(before="soon")
    assert "no undo" in memory_forget.warning(2, True)
    assert memory_forget.warning(1, False).startswith("Forget 1 thought?")


def test_a_merge_shows_what_becomes_what(memory):
    ((before, after),) = memory_merge.merge_rows(memory.merge(user_id="ana", dry_run=True))
    assert set(before.split("\n")) == {"I like tea.", "I like jazz."}
    assert after in ("I like tea and jazz.", "I like jazz and tea.")


def test_the_recall_test_is_what_the_chat_recalls(memory, monkeypatch):
    asked = {}
    search = memory.search

    def spy(query, **more):
        asked.update(more)
        return search(query, **more)

    monkeypatch.setattr(memory, "search", spy)
    hits = memory_recall.recalled(memory, "Where do I live?", "", "ana")
    ours = dict(asked)
    from langchain_core.messages import HumanMessage
    from langgraph.runtime import Runtime

    from bethink.agents.middleware import MemoryMiddleware

    chat = MemoryMiddleware(memory, user_of=lambda context: "ana")
    state = {"messages": [HumanMessage("Where do I live?")]}
    recalled = chat.before_agent(state, Runtime(context=None, stream_writer=lambda data: None))["recalled"]
    assert [one["id"] for one in recalled] == [hit.thought.id for hit in hits]
    assert ours == {**asked, "as_of": None}


def test_scores_are_told_by_channel_and_add_up(memory):
    hits = memory_recall.recalled(memory, "Where do I live?", "2023-06-01", "ana")
    row = memory_recall.recall_rows(hits)[0]
    assert (row[0], row[3], row[4]) == ("I live in Porto.", "2023-05-01", "superseded 2024-05-01")
    named = dict(part.rsplit(" ", 1) for part in row[2].split(" + "))
    assert {"meaning", "words"} <= set(named)
    assert sum(map(float, named.values())) == pytest.approx(float(row[1]), abs=0.02)
    with pytest.raises(ValueError, match="ISO-8601"):
        memory_recall.recalled(memory, "Where do I live?", "then", "ana")


def test_a_channel_that_takes_away_is_told_as_such(memory):
    thought = by_text(memory, "I like tea.")
    assert memory_recall.channel_line(Hit(thought, -0.2, {"cosine": -0.2, "lexical": 0.5}, 0.3)) == (
        "words 0.50 + meaning -0.20"
    )
    assert memory_recall.channel_line(Hit(thought, 0, {"cosine": 0.0}, 0.0)) == "nothing"


def line(ident="a1", text="I collect stamps.", user="eve"):
    return json.dumps({"id": ident, "text": text, "user_id": user, "created_at": "2024-05-01"})


def test_an_import_is_told_before_it_is_written(memory, tmp_path):
    file = tmp_path / "in.jsonl"
    here = list(memory.export(user_id="ana"))
    changed = json.dumps({**json.loads(here[0]), "text": "I live elsewhere."})
    file.write_text("\n".join([changed, *here[1:], line()]), encoding="utf-8")
    told = memory_import.check(memory, file, "ana")
    assert (told.writes, told.problems) == (2, [])
    assert told.said.startswith("5 thoughts in the file: 1 new, 3 known, 1 that differ")
    assert list(memory.export(user_id="ana")) == here
    said, token = memory_import.write(memory, file, "ana")
    assert said == "2 thoughts imported."
    assert by_text(memory, "I collect stamps.").user_id == "ana"
    assert memory.list(user_id="eve") == []
    assert not file.exists()  # no copy of thoughts stays among the uploads
    memory.undo(token, user_id="ana")
    assert "I collect stamps." not in active(memory)
    with pytest.raises(ValueError, match="Choose it again"):
        memory_import.write(memory, file, "ana")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe{\x00", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n" * 9, "UTF-8"),
        (b"\x00" * 99, "zero bytes"),
        (b"", "no lines"),
        (b"\n \n", "no lines"),
        (b" " * (memory_import.MAX_FILE + 1), "bethink memory import"),
    ],
)
def test_hostile_files_are_a_sentence(memory, tmp_path, content, why):
    file = tmp_path / "in.jsonl"
    file.write_bytes(content)
    told = memory_import.check(memory, file, "ana")
    assert why in told.said
    assert (told.writes, told.problems) == (0, [])


def test_bad_lines_are_listed_and_nothing_is_written(memory, tmp_path):
    file = tmp_path / "in.jsonl"
    before = list(memory.export(user_id="ana"))
    file.write_text("\n".join([line(), "not json", line("b2"), "[1]"]))
    told = memory_import.check(memory, file, "ana")
    assert told.said.startswith("2 lines are no thought")
    assert [number for number, _ in told.problems] == [2, 4]
    assert told.writes == 0
    with pytest.raises(ValueError, match="Nothing was imported"):
        memory_import.write(memory, file, "ana")
    assert list(memory.export(user_id="ana")) == before
    file.write_text("x\n" * 1000)
    told = memory_import.check(memory, file, "ana")
    assert told.said.endswith("The first 100:")
    assert len(told.problems) == 100
