"""Dialogue evaluation: the shipped data, what a question names, replay and resume in a throw-away store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bethink.agents.evaluation.dialogue import Report, evaluate, make_extractor, summarise
from bethink.agents.evaluation.gvd import EvaluationError, load_gvd, named_day, on_topic, rests_on, topic
from tests.agents.fakes import FakeChat

SETTINGS = {"data": "gvd"}


@pytest.fixture(scope="module")
def dialogues():
    return load_gvd()


def test_the_data_is_whole(dialogues):
    assert len(dialogues) == 15
    assert sum(len(d.exchanges) for d in dialogues) == 566
    assert sum(len(d.questions) for d in dialogues) == 100


def test_a_named_day_is_read(dialogues):
    emily = dialogues[0]
    assert named_day("I mentioned on May 2nd that I went to the museum.", emily.exchanges) == "2023-05-02"
    assert named_day("On April 27th, how long did I run?", emily.exchanges) == "2023-04-27"
    assert named_day("What painters did you recommend to me?", emily.exchanges) is None


def test_topics_are_content_words():
    assert topic("What painters did you recommend to me?") == topic("Which painter did you mention?")
    assert on_topic("What painters did you recommend?", "I like the painter Monet.")
    assert not on_topic("What painters did you recommend?", "I like tea.")


def test_an_answer_rests_on_what_was_recalled():
    assert rests_on("She lives in Porto.", "Where does Maria live?", ["My sister Maria lives in Porto."])
    assert not rests_on("She lives in Berlin, a big city.", "Where does Maria live?", ["My sister lives in Porto."])
    assert not rests_on("", "Where?", ["Porto"])


def test_replay_and_answers_with_fakes(dialogues, fake_embedder):
    model = FakeChat(script=["I do not know."] * 50, seen=[])
    results = list(evaluate(dialogues[:1], model, fake_embedder, extractor="rules+turns"))
    asked = [row for row in results if hasattr(row, "question")]
    assert len(asked) == len(dialogues[0].questions)
    assert all(row.recalled for row in asked)
    figures = summarise(asked, [row for row in results if not hasattr(row, "question")])
    assert figures["questions"] == len(asked)
    assert 0 <= figures["day_any_recalled"] <= 1
    assert figures["tokens_in_per_answer"] > 0


def test_a_run_goes_on_where_it_stopped(tmp_path, dialogues, fake_embedder):
    path = tmp_path / "run.jsonl"
    report = Report(path, SETTINGS)
    results = evaluate(dialogues[:1], FakeChat(script=["x"] * 50, seen=[]), fake_embedder)
    for _, result in zip(range(4), results, strict=False):
        report.add(result)
    results.close()
    report.close()
    with path.open("a") as file:
        file.write('{"user": "Emily", "question": "cut sh')  # a kill in the middle of a line
    report = Report(path, SETTINGS)
    assert len(report.rows) == 3
    rest = [r for r in evaluate(dialogues[:1], None, fake_embedder, done=report.rows) if hasattr(r, "question")]
    assert len(rest) == len(dialogues[0].questions) - 3
    for row in rest:
        report.add(row)
    report.close()
    assert len(Report(path, SETTINGS).rows) == len(dialogues[0].questions)


def test_another_runs_file_is_not_mixed_in(tmp_path):
    Report(tmp_path / "run.jsonl", SETTINGS).close()
    with pytest.raises(EvaluationError, match="other settings"):
        Report(tmp_path / "run.jsonl", {"data": "other"})
    with pytest.raises(EvaluationError, match="nosuch"):
        make_extractor("nosuch")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_gvd(tmp_path)


def test_recall_finds_the_named_day(dialogues, embedder):
    rows = [r for r in evaluate(dialogues[:2], None, embedder, extractor="rules") if hasattr(r, "question")]
    assert summarise(rows, [])["day_any_recalled"] >= 0.8


def test_cancel_keeps_what_was_done(tmp_path):
    out = tmp_path / "run.jsonl"
    bethink = str(Path(sys.executable).with_name("bethink"))
    command = [bethink, "eval", "dialogue", "--users", "15", "--backbone", "none", "--out", str(out), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not out.exists() or len(out.read_text().splitlines()) < 12):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    figures = json.loads(output)
    assert figures["cancelled"]
    assert 5 < figures["questions"] < 100
    assert b"Traceback" not in errors
