"""A run in the background: watched, stopped, gone on with, and its problems told."""

import threading

from bethink.agents.evaluation.background import Background
from bethink.agents.evaluation.dialogue import Plan
from bethink.agents.evaluation.runs import Run
from tests.agents.evaluation.small import small
from tests.agents.evaluation.test_dialogue import opened

PLAN = Plan(suites=("questions",))
SETTINGS = {"data": "small", "memory": "default", "what": "turns"}


def test_it_runs_to_its_end(tmp_path):
    job = Background(Run(tmp_path / "run.jsonl", SETTINGS), small(tmp_path), opened(), None, PLAN)
    job.wait(60)
    assert (job.running, job.stopped, job.problem, job.share) == (False, False, "", 1.0)
    assert len(Run(tmp_path / "run.jsonl").rows) == 7


def test_it_is_stopped_and_goes_on(tmp_path, monkeypatch):
    from bethink.agents.evaluation import dialogue

    begun, go, real = threading.Event(), threading.Event(), dialogue._ask

    def slow(*arguments, **named):
        begun.set()
        go.wait(60)
        return real(*arguments, **named)

    monkeypatch.setattr(dialogue, "_ask", slow)
    job = Background(Run(tmp_path / "run.jsonl", SETTINGS), small(tmp_path), opened(), None, PLAN)
    assert begun.wait(60)
    assert job.running
    job.stop()
    go.set()
    job.wait(60)
    assert job.stopped
    assert sum(row.suite == "questions" for row in Run(tmp_path / "run.jsonl").rows) == 1
    again = Background(Run(tmp_path / "run.jsonl", SETTINGS), small(tmp_path), opened(), None, PLAN)
    again.wait(60)
    assert sum(row.suite == "questions" for row in Run(tmp_path / "run.jsonl").rows) == 5


def test_problems_are_told_and_nothing_is_lost(tmp_path):
    job = Background(Run(tmp_path / "a.jsonl", SETTINGS), small(tmp_path), opened(), None, Plan(what="given"))
    job.wait(60)
    assert "no thoughts" in job.problem

    def broken(folder):
        raise RuntimeError("disk on fire")

    job = Background(Run(tmp_path / "b.jsonl", SETTINGS), small(tmp_path), broken, None, PLAN)
    job.wait(60)
    assert "disk on fire" in job.problem
    assert Run(tmp_path / "b.jsonl").rows == []
