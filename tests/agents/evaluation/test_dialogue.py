"""A run: what it yields, that it goes on where it stopped, that a cancel keeps what was done, and its suites."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.datasets import load
from bethink.agents.evaluation.dialogue import ABSTAIN, Plan, asked, evaluate, to_show
from bethink.agents.evaluation.memories import Item, open_memory
from bethink.agents.evaluation.runs import Run
from bethink.agents.evaluation.suites import contradictions
from tests.agents.evaluation.small import small
from tests.agents.fakes import FakeChat
from tests.memory.fake_embedder import WordHashEmbedder

QUESTIONS = Plan(suites=("questions",))


def opened(name: str = "default"):
    return lambda folder: open_memory(name, folder, WordHashEmbedder())


def of(rows, suite):
    return [row for row in rows if row.suite == suite]


def test_questions_with_a_model(tmp_path):
    model = FakeChat(script=["It is Porto."] * 3 + ["It is not mentioned."] * 2, seen=[])
    rows = list(evaluate(small(tmp_path), opened(), model, QUESTIONS))
    questions = of(rows, "questions")
    assert [row.id for row in questions] == ["ana/0", "ana/1", "ana/2", "ana/3", "ben/0"]
    first, absent = questions[0], questions[3]
    assert first.scores["holds_gold"] == first.scores["recall@5"] == first.scores["gold_in_prompt"] == 1
    assert first.scores["isolated"] == 1
    assert absent.scores["abstention"] == 1
    assert questions[4].scores["false_abstention"] == 1
    assert first.costs["tokens_in"] > 0
    assert all(ABSTAIN in str(messages[0].content) for messages in model.seen)
    remembered = of(rows, "remembering")
    assert [row.costs["items"] for row in remembered] == [4, 2]
    assert remembered[0].costs["bytes"] > 0


def test_a_run_goes_on_where_it_stopped(tmp_path):
    conversations, path = small(tmp_path), tmp_path / "run.jsonl"
    run = Run(path, {"data": "small"})
    results = evaluate(conversations, opened(), None, QUESTIONS)
    for _, row in zip(range(3), results, strict=False):
        run.add(row)
    results.close()
    run.close()
    with path.open("a") as file:
        file.write('{"suite": "questions", "id": "cut sh')  # a kill in the middle of a line
    run = Run(path, {"data": "small"})
    assert len(of(run.rows, "questions")) == 2
    rest = list(evaluate(conversations, opened(), None, QUESTIONS, done=run.done))
    assert [row.id for row in of(rest, "questions")] == ["ana/2", "ana/3", "ben/0"]
    for row in rest:
        run.add(row)
    run.close()
    again = Run(path)
    assert len(of(again.rows, "questions")) == 5
    assert len(of(again.rows, "remembering")) == 2, "a conversation remembered anew counts once"
    assert not of(list(evaluate(conversations, opened(), None, QUESTIONS, done=again.done)), "remembering")


def test_files_of_other_runs_are_not_mixed_in(tmp_path):
    Run(tmp_path / "run.jsonl", {"data": "small", "k": 5}).close()
    with pytest.raises(EvaluationError, match="other settings.*k 5"):
        Run(tmp_path / "run.jsonl", {"data": "small", "k": 6})
    (tmp_path / "old.jsonl").write_text('{"settings": {}}\n', encoding="utf-8")
    head = '{"bethink_evaluation": 2, "settings": {}}\n'
    (tmp_path / "odd.jsonl").write_text(
        head + '{"suite": "questions", "id": "a", "group": "a", "kind": "x", "scores": {"f1": "x"}}'
    )
    (tmp_path / "bare.jsonl").write_text('{"bethink_evaluation": 2}')
    for name, said in (("odd", "no result"), ("bare", "no run")):
        with pytest.raises(EvaluationError, match=said):
            Run(tmp_path / f"{name}.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="no run"):
        Run(tmp_path / "old.jsonl", {})
    with pytest.raises(EvaluationError, match="cannot be used"):
        Run(tmp_path / "binary.jsonl", {})
    with pytest.raises(EvaluationError, match="There is no"):
        Run(tmp_path / "none.jsonl")


def test_the_budget_and_what_is_shown():
    items = [Item(str(n), "x" * 40, "2026-03-01", ()) for n in range(9)]
    assert [item.id for item in to_show(items, Plan(k=3, budget=1000))] == ["0", "1", "2"]
    assert [item.id for item in to_show(items, Plan(k=5, budget=25))] == ["0", "1"]
    assert [item.id for item in to_show(items, Plan(k=5, budget=25, whole=True))] == ["7", "8"]


def test_some_questions_of_each(tmp_path):
    ana = small(tmp_path)[0]
    assert [n for n, _ in asked(ana, 2)] == [0, 2]
    assert len(asked(ana, None)) == len(asked(ana, 99)) == 4


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="no suite"):
        list(evaluate(small(tmp_path), opened(), None, Plan(suites=("quiz",))))
    with pytest.raises(EvaluationError, match="no thoughts"):
        list(evaluate(small(tmp_path), opened(), None, Plan(what="given")))


@pytest.mark.parametrize("name", ["default", "langgraph"])
def test_forgetting(tmp_path, name):
    plan = Plan(suites=("forgetting",))
    rows = list(evaluate(small(tmp_path), opened(name), None, plan))
    assert len(rows) == 3 + 1, "the turns that questions rest on"
    assert all(row.scores["gone"] == row.scores["others_kept"] == 1 for row in rows)
    assert [row.scores.get("off_disk") for row in rows] == [1.0 if name == "default" else None] * 4
    done = {(row.suite, row.id) for row in rows}
    assert list(evaluate(small(tmp_path), opened(name), None, plan, done=done)) == []


def test_a_memory_that_forgets_nothing_is_found_out(tmp_path, monkeypatch):
    from bethink.agents.evaluation.memories import Thoughts

    monkeypatch.setattr(Thoughts, "forget", lambda self, user, ids: self.memory.forget(user_id=user, ids=ids))
    rows = list(evaluate(small(tmp_path), opened(), None, Plan(suites=("forgetting",))))
    assert all(row.scores["off_disk"] == 0 for row in rows), "a soft forgetting leaves the text in the files"


@pytest.mark.parametrize("name", ["default", "bm25"])
def test_contradictions_and_where_they_stop(name):
    cancel, rows = threading.Event(), []
    for row in contradictions(opened(name), (), lambda share, words: None, cancel):
        rows.append(row)
        if len(rows) == 12:
            cancel.set()
    assert {row.kind for row in rows} == {"update"}
    assert all(set(row.scores) == {"right"} for row in rows)
    done = {(row.suite, row.id) for row in rows}
    cancel.clear()
    first = next(iter(contradictions(opened(name), done, lambda share, words: None, cancel)))
    assert (first.suite, first.id) not in done
    if name == "bm25":
        assert not any(row.scores["right"] for row in rows), "what only appends has the old value, too"


def test_progress_rises_to_one(tmp_path):
    shares = []
    list(evaluate(small(tmp_path), opened(), None, QUESTIONS, progress=lambda share, words: shares.append(share)))
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_recall_finds_the_named_day(embedder):
    rows = of(
        evaluate(load("gvd")[:2], lambda folder: open_memory("default", folder, embedder), None, QUESTIONS), "questions"
    )
    dated = [row.scores["any@5"] for row in rows if row.kind == "names a day" and "any@5" in row.scores]
    assert dated
    assert all(dated)


def test_ctrl_c_keeps_what_was_done(tmp_path):
    out = tmp_path / "run.jsonl"
    bethink = str(Path(sys.executable).with_name("bethink"))
    command = [bethink, "eval", "dialogue", "--backbone", "none", "--out", str(out), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not out.exists() or len(out.read_text().splitlines()) < 12):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    figures = json.loads(output)
    assert figures["cancelled"]
    assert 5 < figures["costs"]["questions"] < 100
    assert b"Traceback" not in errors
    assert out.with_suffix(".html").exists()
