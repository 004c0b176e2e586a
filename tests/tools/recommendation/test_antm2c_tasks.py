"""AntM2C's tasks: who is cold is cold, nothing of the future is learned from, and every task runs end to end."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bethink.tools.recommendation.antm2c import read_antm2c
from bethink.tools.recommendation.antm2c_samples import to_samples
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Column
from bethink.tools.recommendation.antm2c_synthetic import write_synthetic
from bethink.tools.recommendation.antm2c_tasks import (
    ALL,
    TRAIN_UNTIL,
    VALID_UNTIL,
    Score,
    by_date,
    cold_start,
    multi_modal,
    multi_scenario,
    solve,
    table,
    with_vectors,
    without_text,
)
from bethink.tools.recommendation.metrics import auc, gauc
from bethink.tools.recommendation.samples import Samples
from tests.benchmarks.recommendation.logistic import Logistic


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("antm2c")
    write_synthetic(folder, 12_000, 1, vectors=8, features=False)
    schema = dataclasses.replace(ANTM2C, columns=(*ANTM2C.columns, Column("image_vector", "vector", "item")))
    return to_samples(read_antm2c(folder, schema=schema), schema=schema)


class Constant:
    """A fake model."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def fit(self, samples: Samples, valid: Samples, **settings: Any) -> None:
        self.settings = settings

    def predict(self, samples: Samples) -> NDArray[np.float64]:
        return np.full(len(samples), 0.5) if self.answer is None else np.asarray(self.answer)


def moment(text: str) -> float:
    return float(np.datetime64(text, "s").astype(int))


def times(part: Samples) -> NDArray[np.float64]:
    assert part.time is not None
    return part.time


def test_boundaries_belong_to_the_earlier_part(samples: Samples) -> None:
    edge = dataclasses.replace(samples.rows(np.arange(4)), time=np.array([moment(t) + d for t in (TRAIN_UNTIL, VALID_UNTIL) for d in (0, 1)]))  # fmt: skip
    periods = by_date(edge)
    assert [len(part) for part in (periods.train, periods.valid, periods.test)] == [1, 2, 1]
    assert times(periods.train).tolist() == [moment(TRAIN_UNTIL)]
    own = by_date(samples, "2023-07-30", "2023-08-01 12:00:00")
    assert times(own.train).max() <= moment("2023-07-30T00:00:00") < times(own.valid).min()


def test_dates_that_make_no_sense(samples: Samples) -> None:
    for dates, message in [
        (("2023-08-05", "2023-08-03"), "not in order"),
        (("soon", "2023-08-03"), "'soon' is no time"),
        (("2023-08-01", "2023-08-03T00:00:00+08:00"), "no time"),
        (("2022-08-01", "2023-08-03"), "'train': times are 2023-07-25"),
        (("2023-08-01", "2024-08-03"), "'test'"),
    ]:
        with pytest.raises(ValueError, match=message):
            by_date(samples, *dates)
    with pytest.raises(ValueError, match="needs a time"):
        by_date(dataclasses.replace(samples, time=None))


@pytest.mark.parametrize("of", ["item", "user"])
@pytest.mark.parametrize("leave_out", [0.0, 0.3])
def test_cold_is_cold(samples: Samples, of: Any, leave_out: float) -> None:
    task = cold_start(samples, of, few=20, leave_out=leave_out, seed=3)
    counts = np.bincount(getattr(task.train, of), minlength=max(len(samples.users), len(samples.items)))
    seen = {name: counts[getattr(test, of)] for name, test in task.tests.items()}
    assert (seen["cold"] == 0).all()
    assert ((seen["few"] > 0) & (seen["few"] < 20)).all()
    assert (seen["warm"] >= 20).all()
    assert sum(map(len, task.tests.values())) == len(by_date(samples).test)
    before = by_date(samples)
    gone = len(before.train) - len(task.train)
    assert (gone > 0) == (leave_out > 0)
    if leave_out:
        left = np.setdiff1d(getattr(before.train, of), getattr(task.train, of))
        assert len(left) == round(len(np.unique(getattr(before.train, of))) * 0.3)
        assert not np.isin(getattr(task.valid, of), left).any()
        again = cold_start(samples, of, few=20, leave_out=leave_out, seed=4)
        assert not np.array_equal(np.unique(getattr(again.train, of)), np.unique(getattr(task.train, of)))


def test_cold_starts_that_cannot_be(samples: Samples) -> None:
    for settings, message in [
        ({"few": 0}, "few = 0"),
        ({"leave_out": 1.0}, "leave_out = 1"),
        ({"leave_out": 0.9999}, "nothing"),
    ]:
        with pytest.raises(ValueError, match=message):
            cold_start(samples, "item", **settings)  # type: ignore[arg-type]
    known = np.isin(samples.item, by_date(samples).train.item)
    with pytest.raises(ValueError, match="leave_out"):
        cold_start(samples.rows(known), "item")


def test_modalities_are_there_or_not(samples: Samples) -> None:
    assert samples.items.number_names == tuple(f"image_vector {k}" for k in range(8))
    tasks = multi_modal(samples, images="image_vector")
    assert list(tasks) == ["ids", "text", "text and images"]
    for name, task in tasks.items():
        items, users = task.train.items, task.train.users
        assert any(items.texts) == any(users.texts) == (name != "ids")
        assert items.numbers.shape[1] == (8 if name == "text and images" else 0)
        assert task.tests["all"].items is items
    vectors = np.arange(2 * len(samples.items), dtype=np.float32).reshape(-1, 2)
    given = multi_modal(samples, images=vectors)["text and images"].train.items
    assert given.number_names[-2:] == ("image 0", "image 1")
    np.testing.assert_array_equal(given.numbers[:, -2:], vectors)
    assert list(multi_modal(samples)) == ["ids", "text"]
    with pytest.raises(ValueError, match="no vectors 'image'"):
        multi_modal(samples, images="image")
    for wrong in (vectors[1:], vectors[:, 0], np.full_like(vectors, np.inf)):
        with pytest.raises(ValueError, match="shape"):
            with_vectors(samples.items, wrong, "image")


def test_without_text_there_are_no_queries(samples: Samples) -> None:
    asked = dataclasses.replace(samples, queries=("tea",), query=np.zeros(len(samples), np.int64))
    bare = without_text(asked)
    assert bare.queries == ()
    assert (bare.query == -1).all()
    assert len(asked.queries) == 1


def test_every_task_runs_end_to_end(samples: Samples) -> None:
    tasks = [
        multi_scenario(samples),
        cold_start(samples, "item", few=20),
        cold_start(samples, "user", few=5),
        *multi_modal(samples, images="image_vector").values(),
    ]
    scores = [score for task in tasks for score in solve(task, "logistic", Logistic())]
    whole = {(score.task, score.group): score for score in scores if score.scene == ALL}
    assert len(whole) == 10
    assert all(score.auc is not None and score.auc > 0.55 for score in whole.values())
    text, ids = (whole[f"multi-modal: {name}", "all"] for name in ("text", "ids"))
    assert text.auc is not None
    assert ids.auc is not None
    assert text.auc > ids.auc + 0.05
    for (task, group), score in whole.items():
        parts = [s for s in scores if (s.task, s.group) == (task, group) and s.scene != ALL]
        assert [s.scene for s in parts] == ["0", "1", "2", "3"]
        assert (sum(s.samples for s in parts), sum(s.clicks for s in parts)) == (score.samples, score.clicks)
    lines = table(scores).splitlines()
    assert len(lines) == len(scores) + 1
    assert len({len(line) for line in lines}) == 1


def test_scores_are_the_measures(samples: Samples) -> None:
    task = multi_scenario(samples)
    test = task.tests["all"]
    chances = np.random.default_rng(0).random(len(test))
    model = Constant(chances)
    scores = solve(task, "random", model, seed=7)
    assert model.settings == {"seed": 7}
    assert scores[0].auc == auc(test.label, chances)
    mask = test.domain == 2
    third = next(score for score in scores if score.scene == "2")
    assert third.gauc == gauc(test.user[mask], test.label[mask], chances[mask])
    assert {score.auc for score in solve(task, "constant", Constant())} == {0.5}


def test_one_label_gives_no_measure_and_odd_predictions_an_error(samples: Samples) -> None:
    task = multi_scenario(samples)
    clicks = dataclasses.replace(task, tests={"all": task.tests["all"].rows(task.tests["all"].label > 0)})
    assert {(score.auc, score.gauc) for score in solve(clicks, "constant", Constant())} == {(None, None)}
    for answer in (np.full(len(task.tests["all"]), np.nan), np.ones(3), np.ones((len(task.tests["all"]), 1))):
        with pytest.raises(ValueError, match="one finite number"):
            solve(task, "odd", Constant(answer))
    assert table([]).startswith("task")
    assert table([Score("t", "m", "g", "s", 1, 0, None, 0.25)]).endswith("-  0.2500")
