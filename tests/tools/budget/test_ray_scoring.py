import builtins
import os
import signal
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.environment import AMOUNTS, tabular
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.ray_scoring import score_on_ray
from bethink.tools.budget.record_batches import TableError
from bethink.tools.budget.scoring import ScoringJob, TableForecast, score

ray = pytest.importorskip("ray", reason="the optional package ray is not installed")
PROCESS = tabular()
POLICY = MixedPolicy.from_mixture(chord_search(TabularOracle(PROCESS), 6.0), AMOUNTS, "spring")
JOB = ScoringJob(POLICY, TableForecast(PROCESS.reward, PROCESS.cost), segment="segment")


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """A folder of three files of 2,000 users each."""
    folder = tmp_path_factory.mktemp("users")
    rng = np.random.default_rng(0)
    for number in range(3):
        states = rng.integers(0, 60, 2_000)
        ids = np.arange(2_000) + 2_000 * number
        pq.write_table(
            pa.table({"user_id": ids, "state": states, "segment": states // 15}), folder / f"{number}.parquet"
        )
    return folder


@pytest.fixture(scope="module")
def cluster():
    """A local Ray that runs already, as on a cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_a_ray_started_for_the_job_gives_the_same_totals_and_is_stopped(users, tmp_path):
    assert score_on_ray(users, JOB, cpus=1) == score(users, JOB)
    assert not ray.is_initialized()


def test_a_running_ray_is_used_and_left_running(users, cluster):
    wanted = score(users, JOB)
    assert score_on_ray([users / f"{number}.parquet" for number in range(3)], JOB, batch_rows=777) == wanted
    table = pq.read_table(users)
    for blocks in (1, 7, 64):
        parts = [table.slice(rows[0], len(rows)) for rows in np.array_split(np.arange(6_000), blocks)]
        assert score_on_ray(ray.data.from_arrow(parts), JOB) == wanted
    assert ray.is_initialized()


def test_a_worker_that_is_killed_changes_nothing(users, cluster, tmp_path):
    killed = tmp_path / "killed"

    class DiesOnce(TableForecast):
        """A forecast whose process is killed at its first batch."""

        def __call__(self, *given, **more):
            try:
                os.close(os.open(killed, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return super().__call__(*given, **more)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

    assert score_on_ray(users, replace(JOB, forecast=DiesOnce(PROCESS.reward, PROCESS.cost))) == score(users, JOB)
    assert killed.exists()


def test_assignments_are_those_of_a_single_process(users, cluster, tmp_path):
    wanted = score(users, JOB, out=tmp_path / "one.parquet")
    assert score_on_ray(users, JOB, out=tmp_path / "many") == wanted
    one = pq.read_table(tmp_path / "one.parquet").sort_by("user_id")
    many = pq.read_table(tmp_path / "many").sort_by("user_id")
    assert many.to_pydict() == one.to_pydict()
    with pytest.raises(ValueError, match="there already"):
        score_on_ray(users, JOB, out=tmp_path / "many")


def test_what_fails_in_a_worker_is_said_as_it_is(users, cluster):
    data = ray.data.from_arrow(pa.table({"user_id": [1, 2], "state": [0, 60], "segment": ["a", "b"]}))
    with pytest.raises(TableError, match="Row 1: state is 60; numbers from 0 to 59 are known"):
        score_on_ray(data, JOB)
    with pytest.raises(TableError, match="no column 'state'"):
        score_on_ray(data.select_columns(["user_id", "segment"]), JOB)
    with pytest.raises(TableError, match="no file or folder"):
        score_on_ray(users / "none", JOB)
    with pytest.raises(ValueError, match="batch_rows"):
        score_on_ray(users, JOB, batch_rows=0)


def test_without_ray_the_error_says_how_to_get_it(users, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("ray"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'bethink\[ray\]'"):
        score_on_ray(users, JOB)
