import multiprocessing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, TabularPolicy
from bethink.tools.budget.environment import AMOUNTS, HORIZON, tabular
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.record_batches import TableError
from bethink.tools.budget.rules import action_values
from bethink.tools.budget.scoring import ADDED, BLOCK_ROWS, ScoringJob, TableForecast, score, score_batch

PROCESS = tabular()
FORECAST = TableForecast(PROCESS.reward, PROCESS.cost)
POLICY = MixedPolicy.from_mixture(chord_search(TabularOracle(PROCESS), 6.0, tolerance=1e-9), AMOUNTS, "spring")
JOB = ScoringJob(POLICY, FORECAST, segment="segment")
NAMES = np.array(["deal-seeker", "habit-former", "loyal", "dormant"])


def population(count, seed=0):
    rng = np.random.default_rng(seed)
    states = rng.integers(0, 60, count)
    return pa.table(
        {
            "user_id": rng.permutation(count) + 10**6,
            "state": pa.array(states, pa.int16()),
            "segment": NAMES[states // 15],
            "step": pa.array(rng.integers(0, HORIZON, count), pa.int8()),
        }
    )


USERS = population(3_000)


class Network:
    """A small network as a policy and a forecast: products of float32 matrices, as those of any library."""

    def __init__(self, seed, features=5):
        rng = np.random.default_rng(seed)
        self.one, self.two = rng.normal(size=(features, 64)).astype("f4"), rng.normal(size=(64, 4)).astype("f4")

    def values(self, states):
        assert len(states) == BLOCK_ROWS
        return np.tanh(states @ self.one) @ self.two

    def act(self, states, step):
        return self.values(states).argmax(1)

    def __call__(self, states, actions, steps):
        found = self.values(states)[np.arange(len(states)), actions].astype(float)
        return found, np.abs(found) + actions


def networks():
    policy = MixedPolicy(((Network(1), 0.4), (Network(2), 0.6)), AMOUNTS, "nets", Outcome(0.0, 0.0), 0.0)
    return ScoringJob(policy, Network(3), state=("a", "b", "c", "d", "e"))


def with_features(count):
    values = np.random.default_rng(1).normal(size=(count, 5))
    return pa.table({"user_id": np.arange(count), **dict(zip("abcde", values.T, strict=True))})


# -- what is scored ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 5, "step"])
def test_rows_get_what_the_policy_says_and_totals_are_theirs(step):
    job = ScoringJob(POLICY, FORECAST, segment="segment", step=step)
    totals, rows = score_batch(USERS.select(job.columns).combine_chunks().to_batches()[0], job)
    ids, states = USERS["user_id"].to_numpy(), USERS["state"].to_numpy().astype(int)
    actions = POLICY.act(states, USERS["step"].to_numpy().astype(int) if step == "step" else step, ids)
    assert rows["action"].to_pylist() == actions.tolist()
    assert rows["component"].to_pylist() == POLICY.component(ids).tolist()
    assert rows["amount"].to_pylist() == AMOUNTS[actions].tolist()
    assert rows["user_id"].to_pylist() == ids.tolist()
    assert totals.cost_micro == sum(rows["cost_micro"].to_pylist())
    assert totals.cost_micro / 1e6 == pytest.approx(PROCESS.cost[states, actions].sum(), abs=3e-3)
    assert totals.reward_micro / 1e6 == pytest.approx(PROCESS.reward[states, actions].sum(), abs=3e-3)
    assert totals.face_value == 100 * AMOUNTS[actions].sum()
    for name in NAMES:
        of_segment = actions[NAMES[states // 15] == name]
        assert totals.segments[name].users == tuple(np.bincount(of_segment, minlength=4))


def test_the_whole_campaign_costs_what_the_plan_says():
    """With the costs of all that follows as forecast, over the population that was planned for."""
    states = np.random.default_rng(0).choice(60, 200_000, p=PROCESS.initial)
    users = pa.table({"user_id": np.arange(len(states)), "state": states})
    drawn = POLICY.component(np.arange(len(states)))
    spent = 0
    for number, (policy, _) in enumerate(POLICY.components):
        to_come = action_values(replace(PROCESS, reward=PROCESS.cost), policy.actions)
        job = ScoringJob(POLICY, TableForecast(to_come, to_come))
        spent += score(users.filter(pa.array(drawn == number)), job).planned_cost()
    assert spent / 100 / len(states) == pytest.approx(6.0, rel=5e-3)


def test_texts_and_numbers_are_the_same_users():
    texts = USERS.set_column(0, "user_id", USERS["user_id"].cast(pa.string()))
    assert score(texts, JOB) == score(USERS, JOB)


# -- the same however it is cut ---------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3_000), max_size=8), st.sampled_from([1, 7, 333, 65_536]))
def test_any_partitioning_gives_equal_totals(cuts, batch_rows):
    borders = [0, *sorted(cuts), 3_000]
    parts = [USERS.slice(a, b - a) for a, b in pairwise(borders)]
    if batch_rows == 1:
        parts = [part.slice(0, 30) for part in parts]
    assert score(reversed(parts), JOB, batch_rows=batch_rows) == score(parts, JOB)


def test_files_in_1_7_and_64_parts_and_two_processes_give_equal_totals_and_rows(tmp_path):
    wanted = score(USERS, JOB, out=tmp_path / "one.parquet")
    for count in (1, 7, 64):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number, rows in enumerate(np.array_split(np.arange(3_000), count)):
            pq.write_table(USERS.slice(rows[0], len(rows)), folder / f"{number:02}.parquet")
        assert score(folder, JOB) == wanted
    assert score(tmp_path / "64", JOB, workers=2, batch_rows=500, out=tmp_path / "two.parquet") == wanted
    one, two = pq.read_table(tmp_path / "one.parquet"), pq.read_table(tmp_path / "two.parquet")
    assert one.schema.names == ["user_id", "segment", *ADDED]
    assert one.equals(two)
    assert not multiprocessing.active_children()


def test_networks_give_equal_totals_for_any_partitioning():
    table, job = with_features(10_000), networks()
    wanted = score(table, job)
    assert wanted.users == 10_000
    assert min(wanted.users_by_amount) > 0
    for batch_rows in (97, 4_096, 10_000):
        assert score(table, job, batch_rows=batch_rows) == wanted
    assert score([table.slice(7_000), table.slice(0, 7_000)], job) == wanted


# -- what is written --------------------------------------------------------------------------------------------------


def test_csv_holds_the_same_rows(tmp_path):
    score(USERS, JOB, out=tmp_path / "rows.csv", batch_rows=999)
    score(USERS, JOB, out=tmp_path / "rows.parquet")
    by_csv, by_parquet = pa.csv.read_csv(tmp_path / "rows.csv"), pq.read_table(tmp_path / "rows.parquet")
    assert by_csv.to_pydict() == by_parquet.to_pydict()


def test_a_run_that_fails_leaves_no_file(tmp_path):
    bad = [USERS, USERS.set_column(1, "state", pa.array(np.full(3_000, 60), pa.int16()))]
    for workers in (1, 2):
        with pytest.raises(TableError, match="Row 3,000: state is 60"):
            score(bad, JOB, out=tmp_path / "rows.parquet", workers=workers)

    def stop(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(USERS, JOB, out=tmp_path / "rows.parquet", progress=stop)
    with pytest.raises(TableError, match="no rows"):
        score(USERS.slice(0, 0), JOB, out=tmp_path / "rows.parquet")
    texts = USERS.set_column(0, "user_id", USERS["user_id"].cast(pa.string()))
    with pytest.raises(TableError, match="differ"):
        score([USERS, texts], JOB, out=tmp_path / "rows.parquet")
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_rows():
    seen = []
    score(USERS, JOB, batch_rows=1_000, progress=seen.append)
    assert seen == [1_000, 2_000, 3_000]


def test_memory_does_not_grow_with_the_table():
    """A million rows through a generator: at no time are more than a few batches alive."""
    before, most = pa.total_allocated_bytes(), 0

    def parts():
        nonlocal most
        for number in range(100):
            yield pa.table({"user_id": np.arange(10_000) + number, "state": np.zeros(10_000, np.int8)})
            most = max(most, pa.total_allocated_bytes() - before)

    assert score(parts(), ScoringJob(POLICY, FORECAST), batch_rows=1_000).users == 1_000_000
    assert most < 2_000_000


# -- what is refused --------------------------------------------------------------------------------------------------


def changed(name, values):
    return USERS.set_column(USERS.schema.get_field_index(name), name, pa.array(values))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed("user_id", [None] * 3_000), "user_id is missing"),
        (changed("user_id", np.ones(3_000)), "whole numbers or texts"),
        (changed("state", np.full(3_000, -1)), "Row 0: state is -1"),
        (changed("step", np.full(3_000, HORIZON)), "Row 0: step is 12"),
        (USERS.drop_columns(["segment"]), "no column 'segment'"),
    ],
)
def test_bad_tables_are_refused(table, message):
    with pytest.raises(TableError, match=message):
        score(table, ScoringJob(POLICY, FORECAST, segment="segment", step="step"))


def test_bad_features_are_refused_with_their_row():
    table = with_features(10)
    values = table["c"].to_numpy().copy()
    values[7] = np.nan
    with pytest.raises(TableError, match="Row 7: c is nan"):
        score(table.set_column(3, "c", pa.array(values)), networks())
    with pytest.raises(TableError, match="must hold numbers"):
        score(table.set_column(3, "c", pa.array(["x"] * 10)), networks())


def test_forecasts_that_are_not_finite_are_refused():
    def nothing(states, actions, steps):
        return np.full(len(states), np.nan), np.zeros(len(states))

    with pytest.raises(ValueError, match="expected reward"):
        score(USERS, ScoringJob(POLICY, nothing))
    with pytest.raises(ValueError, match="expected cost"):
        TableForecast(np.zeros((2, 2)), np.full((2, 2), np.inf))
    with pytest.raises(ValueError, match="tables"):
        TableForecast(np.zeros((2, 2)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"segment": "user_id"}, "differ"),
        ({"user": "action"}, "differ"),
        ({"step": -1}, "step is -1"),
        ({"step": HORIZON}, "12 steps"),
        ({"scale": 0.01}, "whole numbers of"),
        ({"forecast": TableForecast(np.zeros((60, 3)), np.zeros((60, 3)))}, "4 amounts"),
        ({"forecast": TableForecast(np.zeros((59, 4)), np.zeros((59, 4)))}, "60 states"),
    ],
)
def test_jobs_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        score(USERS, ScoringJob(**{"policy": POLICY, "forecast": FORECAST, **options}))


@pytest.mark.parametrize("options", [{"workers": 0}, {"batch_rows": 0}, {"batch_rows": 65_537}, {"out": "rows.xlsx"}])
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError):
        score(USERS, JOB, **options)


def test_tables_of_different_lengths_are_scored_one_by_one():
    short = TabularPolicy(POLICY.components[0][0].actions[:3])
    mixed = MixedPolicy(((short, 0.5), (POLICY.components[1][0], 0.5)), AMOUNTS, "spring", Outcome(0.0, 0.0), 0.0)
    found = score(USERS, ScoringJob(mixed, FORECAST, step=2))
    actions = mixed.act(USERS["state"].to_numpy().astype(int), 2, USERS["user_id"].to_numpy())
    assert found.users_by_amount == tuple(np.bincount(actions, minlength=4))
    with pytest.raises(TableError, match="made for"):
        score(USERS, ScoringJob(mixed, FORECAST, step=3))
