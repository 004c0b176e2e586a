"""An evaluation on a real, local Ray: the same totals as without, also when a worker is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.dialogue import SUITES, Plan, evaluate
from bethink.agents.evaluation.memories import open_memory
from bethink.agents.evaluation.ray_evaluation import TOGETHER, evaluate_on_ray, parts
from tests.agents.evaluation.small import small

ray = pytest.importorskip("ray", reason="the optional package ray is not installed")
PLAN = Plan(suites=("questions", "forgetting"))


@pytest.fixture(scope="module")
def cluster():
    """A local Ray of two workers that runs already, as on a cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def many(folder: Path, copies: int):
    """The small set several times, as different people."""
    return [replace(each, id=f"{each.id}{number}") for number in range(copies) for each in small(folder)]


def totals(rows):
    return sorted((row.suite, row.id, row.group, row.kind, tuple(sorted(row.scores.items()))) for row in rows)


def preparing(noted: Path | None = None, pause: float = 0.0):
    """What the workers open: words alone. Each notes its process, and that it is at work, in a folder."""

    def prepare():
        if noted is not None:
            (noted / f"{os.getpid()}.up").touch()

        def opened(folder):
            if noted is not None:
                (noted / f"{os.getpid()}.works").touch()
            time.sleep(pause)
            return open_memory("bm25", folder, None)

        return opened, None

    return prepare


def test_totals_are_those_without_ray_though_a_worker_is_killed(tmp_path, cluster):
    conversations = many(tmp_path, 8)
    wanted = totals(evaluate(conversations, lambda folder: open_memory("bm25", folder, None), None, PLAN))
    assert len({row[1] for row in wanted}) > 40
    noted = tmp_path / "noted"
    noted.mkdir()
    killed: list[int] = []

    def kill_one():
        while not (works := list(noted.glob("*.works"))):
            time.sleep(0.01)
        killed.append(int(works[0].stem))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    shares: list[float] = []
    rows = evaluate_on_ray(
        conversations, preparing(noted, 0.5), PLAN, progress=lambda share, message: shares.append(share)
    )
    assert totals(rows) == wanted
    killer.join(10)
    assert killed
    assert len(list(noted.glob("*.up"))) >= 3, "two workers, and one in place of the killed one"
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert ray.is_initialized(), "a cluster that ran already goes on"


def test_what_is_done_is_not_run_again_and_a_cancel_ends_it(tmp_path, cluster):
    conversations = many(tmp_path, 6)
    rows = list(evaluate(conversations, lambda folder: open_memory("bm25", folder, None), None, PLAN))
    done = {(row.suite, row.id) for row in rows if row.group != "ana0"}
    again = list(evaluate_on_ray(conversations, preparing(), PLAN, done=done))
    assert {row.group for row in again} == {"ana0"}
    cancel = threading.Event()
    cancel.set()
    assert list(evaluate_on_ray(conversations, preparing(), PLAN, cancel=cancel)) == []


def test_what_fails_in_a_worker_is_said_as_it_is(tmp_path, cluster):
    def broken():
        raise EvaluationError("There is no memory 'elephant'.")

    with pytest.raises(EvaluationError, match="elephant"):
        list(evaluate_on_ray(many(tmp_path, 1), broken, PLAN))
    with pytest.raises(EvaluationError, match="no suite"):
        list(evaluate_on_ray(many(tmp_path, 1), broken, Plan(suites=("quiz",))))


def test_the_command_goes_on_from_a_run_without_ray_on_the_cluster_of_the_environment(tmp_path, cluster):
    there = {**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    bethink = str(Path(sys.executable).with_name("bethink"))
    base = [bethink, "eval", "dialogue", "--memory", "bm25", "--backbone", "none", "--suites", "questions", "--json"]
    base += ["--conversations", "5", "--questions", "3"]

    def run(*more: str) -> str:
        done = subprocess.run(
            [*base, *more], capture_output=True, text=True, cwd=tmp_path, env=there, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    plain = json.loads(run("--out", "plain.jsonl"))
    (tmp_path / "ray.jsonl").write_text("".join((tmp_path / "plain.jsonl").read_text().splitlines(True)[:4]))
    on_ray = json.loads(run("--out", "ray.jsonl", "--ray"))
    assert on_ray["scores"] == plain["scores"]


@given(st.integers(1, 500), st.sets(st.sampled_from(SUITES), min_size=1))
def test_parts_cover_all_and_leave_nobody_alone(count, suites):
    made = parts(count, sorted(suites))
    assert {part["suite"] for part in made} == suites
    questions = [part for part in made if part["suite"] == "questions"]
    assert [n for part in questions for n in range(part["first"], part["last"])] == (
        list(range(count)) if "questions" in suites else []
    )
    sizes = [part["last"] - part["first"] for part in questions]
    assert all(min(count, 2) <= size <= TOGETHER for size in sizes)


def test_without_ray_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'bethink\[ray\]'"):
        list(evaluate_on_ray(small(tmp_path), preparing(), PLAN))
