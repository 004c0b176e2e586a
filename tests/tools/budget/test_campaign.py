from __future__ import annotations

import builtins
import contextlib
import os
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.encoding import FeatureEncoding
from bethink.tools.findings import TableError
from bethink.tools.tables import TableFileError
from tests.tools.budget.logs import coupon_retention, one_shot

read = CampaignDataset.from_table


def codes(dataset: CampaignDataset) -> list[str]:
    return [finding.code for finding in dataset.findings]


def test_a_shuffled_log_comes_back(tmp_path):
    log, frame = coupon_retention(300)
    frame.to_csv(tmp_path / "log.csv", index=False)
    dataset = read(tmp_path / "log.csv")
    order = np.lexsort((log.steps, log.users))
    ids = np.argsort(dataset.user_ids.astype(int))
    by_id = np.argsort(dataset.user_ids.astype(int)[dataset.users], kind="stable")
    assert dataset.user_ids.astype(int)[ids].tolist() == list(range(300))
    assert (dataset.horizon, dataset.user_count, dataset.labels) == (12, 300, ("0", "2", "5", "10"))
    np.testing.assert_array_equal(dataset.actions[by_id], log.actions[order])
    np.testing.assert_array_equal(dataset.rewards[by_id], log.rewards[order])
    np.testing.assert_array_equal(dataset.costs[by_id], log.costs[order])
    np.testing.assert_array_equal(dataset.steps[by_id], log.steps[order])
    assert (dataset.columns.cost, dataset.cost_model) == ("spend", "logged")
    assert not dataset.findings


def test_next_states_are_the_users_next_rows():
    _, frame = coupon_retention(50)
    dataset = read(frame, features=["engagement"])
    log = dataset.log()
    assert log.states.dtype == np.float32
    states, following = log.states.reshape(50, 12), log.next_states.reshape(50, 12)
    np.testing.assert_array_equal(following[:, :-1], states[:, 1:])
    assert log.done.reshape(50, 12).tolist() == [[False] * 11 + [True]] * 50


def test_what_is_still_to_come():
    dataset = read(coupon_retention(40)[1])
    rewards = dataset.rewards.reshape(40, 12)
    to_come = dataset.targets[:, 1].reshape(40, 12)
    np.testing.assert_array_equal(to_come[:, 0], rewards.sum(1))
    np.testing.assert_array_equal(to_come[:, -1], rewards[:, -1])
    assert read(one_shot(50)).targets.shape == (50, 1)


@pytest.mark.parametrize("kind", ["csv", "semicolon", "parquet", "arrow", "polars", "duckdb"])
def test_every_source_gives_the_same(tmp_path, kind):
    frame = one_shot(200)
    arrow = pa.Table.from_pandas(frame)
    path = tmp_path / ("log.parquet" if kind == "parquet" else "log.csv")
    if kind == "semicolon":
        frame.to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig")
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    sources = {"arrow": arrow, "polars": pl.from_arrow(arrow), "duckdb": duckdb.from_arrow(arrow)}
    dataset, expected = read(sources.get(kind, path)), read(frame)
    for name in ("actions", "rewards", "costs", "users", "steps", "user_ids"):
        np.testing.assert_array_equal(getattr(dataset, name), getattr(expected, name))
    pd.testing.assert_frame_equal(dataset.features, expected.features, check_categorical=False)


def test_money_as_people_write_it(tmp_path):
    path = tmp_path / "log.csv"
    rows = [("5 EUR", "ja", "4,50 €"), ("€0", "nein", "0"), ("1.000,50", "ja", "1.000,50"), ("0", "ja", "0")]
    path.write_text("betrag;active;kosten\n" + "\n".join(";".join(row) for row in rows * 6))
    dataset = read(path)
    assert (dataset.currency, dataset.labels) == ("EUR", ("0", "5", "1000.5"))
    assert dataset.rewards[:4].tolist() == [1, 0, 1, 1]
    assert dataset.costs[:4].tolist() == [4.5, 0, 1000.5, 0]


def test_costs_that_are_not_logged_are_assumed_and_said():
    dataset = read(one_shot(100).drop(columns="cost"))
    assert dataset.cost_model == "redeemed"
    np.testing.assert_array_equal(dataset.costs, dataset.amounts[dataset.actions] * dataset.rewards)
    assert "taken to be redeemed" in dataset.notes[0]


def test_a_column_of_who_redeemed():
    frame = one_shot(100).rename(columns={"cost": "redeemed"})
    frame["redeemed"] = (frame["redeemed"] > 0).astype(int)
    dataset = read(frame)
    np.testing.assert_array_equal(dataset.costs, frame["amount"] * frame["redeemed"])
    arms = read(frame.assign(amount=np.where(frame["amount"] > 0, "mail", "none")))
    assert codes(arms) == ["no_cost"]
    priced = read(frame.assign(amount=np.where(frame["amount"] > 0, "mail", "none")), arm_costs={"mail": 3})
    np.testing.assert_array_equal(priced.costs, 3 * (frame["amount"] > 0) * frame["redeemed"])


def test_arms_and_what_sending_them_costs():
    arm = np.array(["No E-Mail", "Mens E-Mail", "Womens E-Mail"])[np.arange(60) % 3]
    frame = one_shot(60, segment=arm).drop(columns=["amount", "cost"])
    free = read(frame)
    assert (free.labels[0], free.cost_model, codes(free)) == ("No E-Mail", "sent", ["no_cost"])
    priced = read(frame, arm_costs={"Mens E-Mail": 0.2, "Womens E-Mail": 0.1})
    assert priced.labels == ("No E-Mail", "Womens E-Mail", "Mens E-Mail")
    np.testing.assert_allclose(priced.costs, np.array([0.0, 0.2, 0.1])[np.arange(60) % 3])
    assert not priced.findings
    logged = read(frame.assign(cost=np.where(arm == "No E-Mail", 0.0, np.arange(60) / 10)))
    assert logged.amounts.tolist() == pytest.approx([0, 5.8, 5.9])


def test_criteo_like(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"f{i}": rng.normal(size=500) for i in range(12)})
    for name in ("treatment", "conversion", "visit", "exposure"):
        frame[name] = rng.integers(2, size=500)
    frame.to_csv(tmp_path / "criteo.csv", index=False)
    dataset = read(tmp_path / "criteo.csv", arm_costs={"1": 0.01})
    assert (dataset.horizon, dataset.labels, dataset.columns.reward) == (1, ("0", "1"), "visit")
    assert dataset.log().states.shape == (500, 12)
    np.testing.assert_allclose(dataset.costs, 0.01 * frame["treatment"])


def test_rows_that_lack_something_are_left_out_and_counted():
    frame = one_shot(100).astype({"amount": object, "active": float})
    frame.loc[:4, "amount"] = None
    frame.loc[3:9, "active"] = np.nan
    dataset = read(frame)
    assert len(dataset.actions) == 90
    assert dataset.findings[0].numbers == {"rows_left_out": 10, "rows": 100, "missing": {"amount": 5, "active": 7}}
    with pytest.raises(TableError) as error:
        read(frame.assign(active=np.where(np.arange(100) < 60, np.nan, 1)))
    assert error.value.code == "missing_values"


def test_repeated_rows():
    _, frame = coupon_retention(30)
    copied = pd.concat([frame, frame.iloc[:7]])
    dataset = read(copied)
    assert codes(dataset) == ["repeated_rows"]
    assert dataset.findings[0].numbers == {"rows_left_out": 7}
    assert len(dataset.actions) == 360
    other = frame.iloc[:3].assign(active=1 - frame["active"].iloc[:3])
    with pytest.raises(TableError) as error:
        read(pd.concat([frame, other]))
    assert error.value.code == "repeated_rows"


def test_users_with_gaps_are_left_out():
    _, frame = coupon_retention(30)
    dataset = read(frame[~((frame["user_id"] == 4) & (frame["week"] == 6))])
    assert (codes(dataset), dataset.user_count) == (["gaps"], 29)
    assert 4 not in dataset.user_ids
    frame["active"] = frame["active"].astype(float).mask((frame["user_id"] == 9) & (frame["week"] == 2))
    assert codes(read(frame)) == ["missing_values", "gaps"]


def test_dates_are_weeks():
    _, frame = coupon_retention(30)
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * frame.pop("week"), "D")
    dataset = read(frame.assign(date=dates.dt.strftime("%d.%m.%Y")))
    assert (dataset.horizon, dataset.columns.time) == (12, "date")


def test_one_shot_with_ids_and_dates():
    frame = one_shot(60, user_id=[f"u{i}" for i in range(60)], date="2024-01-05")
    dataset = read(frame)
    assert (dataset.horizon, dataset.user_ids[:2].tolist()) == (1, ["u0", "u1"])
    twice = read(frame.assign(user_id=np.arange(60) // 2), time="")
    assert codes(twice) == ["repeated_users"]
    assert twice.findings[0].numbers == {"users": 30, "rows": 60}
    assert twice.log().user_count == 60


@pytest.mark.parametrize(
    ("values", "where"),
    [(0.0, "holds 0"), (1.5, "1.5"), (-0.2, "-0.2"), (np.nan, "nothing")],
)
def test_impossible_propensities(values, where):
    good = np.full(60, 1 / 3)
    assert read(one_shot(60, propensity=good)).propensities.tolist() == good.tolist()
    good[7] = values
    with pytest.raises(TableError, match=where) as error:
        read(one_shot(60, propensity=good))
    assert error.value.code == "propensities"
    assert "row 8" in str(error.value)


def test_propensities_of_every_amount():
    frame = one_shot(60, p0=0.5, p2=0.3, p5=0.2)
    dataset = read(frame, propensity=["p0", "p2", "p5"])
    np.testing.assert_allclose(dataset.propensities, np.array([0.5, 0.3, 0.2])[dataset.actions])
    with pytest.raises(TableError, match=r"row 1 sum to 0\.9"):
        read(frame.assign(p5=0.1), propensity=["p0", "p2", "p5"])
    with pytest.raises(TableError, match="2 columns"):
        read(frame, propensity=["p0", "p2"])


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"amount": ["5 EUR", "0 USD"] * 30}, {}, "currency"),
        ({"currency": ["EUR", "USD"] * 30}, {}, "currency"),
        ({"currency": "EUR"}, {"currency": "USD"}, "currency"),
        ({"cost": -1.0}, {}, "negative_cost"),
        ({"amount": -2}, {}, "negative_amount"),
        ({"amount": [2, 5] * 30}, {}, "no_control"),
        ({"active": ["good", "bad"] * 30}, {"reward": "active"}, "not_numbers"),
        ({"active": np.inf}, {}, "not_finite"),
        ({"cost": ["1,5", "1.5"] * 30}, {}, "mixed_decimals"),
        ({"age": ["1,5", "1.5"] * 30}, {"features": ["age"]}, "mixed_decimals"),
        ({}, {"amounts": [0, 2]}, "unknown_amount"),
        ({}, {"reward": "nothing"}, "no_column"),
    ],
)
def test_refusals(changes, options, code):
    with pytest.raises(TableError) as error:
        read(one_shot(60, **changes), **options)
    assert error.value.code == code
    assert error.value.hint


def test_currency():
    assert read(one_shot(60, currency="eur")).currency == "EUR"
    assert read(one_shot(60), currency="€").currency == "EUR"
    assert read(one_shot(60).rename(columns={"amount": "amount_usd"})).currency == "USD"
    assert read(one_shot(60)).currency is None


def test_a_feature_that_cannot_be_read_is_left_out_if_it_was_guessed():
    dataset = read(one_shot(60, age=["1,5", "1.5"] * 30))
    assert codes(dataset) == ["feature_left_out"]
    assert dataset.columns.features == tuple(dataset.features.columns) == ("town",)


def test_amounts_that_were_never_logged():
    dataset = read(one_shot(60), amounts=[0, 2, 5, 20])
    assert (dataset.labels, codes(dataset)) == (("0", "2", "5"), ["never_logged"])


def test_features_are_encoded_the_same_for_later_users():
    frame = one_shot(200, age=np.r_[np.nan, np.arange(199)], vip=["yes", "no"] * 100)
    dataset = read(frame)
    assert dataset.encoding.names == (
        "age", "age is missing", "town = Bonn", "town = Ulm", "vip = no", "vip = yes",
    )  # fmt: skip
    matrix = dataset.log().states
    np.testing.assert_array_equal(dataset.encoding.matrix(dataset.features[50:60]), matrix[50:60])
    assert matrix[0, :2].tolist() == [99, 1]
    new = pd.DataFrame({"age": [5.0], "town": ["Köln"], "vip": ["yes"]})
    assert dataset.encoding.matrix(new).tolist() == [[5, 0, 0, 0, 0, 1]]
    with pytest.raises(TableError, match="'vip'"):
        dataset.encoding.matrix(new[["age", "town"]])
    with pytest.raises(TableError, match="held numbers"):
        dataset.encoding.matrix(new.assign(age="old"))
    assert FeatureEncoding.fit(pd.DataFrame(index=range(3))).matrix(pd.DataFrame(index=range(3))).shape == (3, 0)
    fewer = dataset.without(["vip"])
    assert fewer.columns.features == ("age", "town")
    assert fewer.log().states.shape == (200, 4)


def test_shares_stand_in_for_propensities():
    dataset = read(one_shot(4000))
    assert dataset.propensities is None
    shared = dataset.with_shares()
    shares = np.bincount(dataset.actions) / 4000
    np.testing.assert_allclose(shared.propensities, shares[dataset.actions])
    assert "share of each amount" in shared.notes[-1]
    assert shared.log().propensities is shared.propensities
    assert shared.with_shares() is shared
    _, frame = coupon_retention(200)
    panel = read(frame)
    weights = np.bincount(panel.steps * 4 + panel.actions, 1 / panel.with_shares().propensities)
    np.testing.assert_allclose(weights, 200)


def test_d3rlpy(monkeypatch):
    pytest.importorskip("d3rlpy")
    dataset = read(coupon_retention(20)[1])
    made = dataset.to_d3rlpy(multiplier=0.1)
    assert len(made.episodes) == 20
    assert made.episodes[0].rewards[:, 0] == pytest.approx((dataset.rewards - 0.1 * dataset.costs)[:12])
    assert made.episodes[0].actions[:, 0].tolist() == dataset.actions[:12].tolist()
    whole = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("d3rlpy"):
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'bethink\[d3rlpy\]'"):
        dataset.to_d3rlpy()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Minari's, on metadata that it would like to have
def test_minari(monkeypatch, tmp_path):
    minari = pytest.importorskip("minari", reason="minari is not installed: pip install 'minari[hdf5]'.")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    dataset = read(coupon_retention(20)[1])
    dataset.to_minari("campaigns/spring-v0", multiplier=0.1)
    made = minari.load_dataset("campaigns/spring-v0")
    assert (made.total_episodes, made.total_steps, made.action_space.n) == (20, 240, 4)
    log = dataset.log()
    for user, episode in enumerate(made):
        rows = log.users == user
        assert made.observation_space.contains(episode.observations[0])
        np.testing.assert_array_equal(episode.observations[:-1], log.states[rows])
        np.testing.assert_array_equal(episode.observations[1:-1], log.next_states[rows][:-1])
        np.testing.assert_array_equal(episode.actions, log.actions[rows])
        np.testing.assert_allclose(episode.rewards, (log.rewards - 0.1 * log.costs)[rows])
        np.testing.assert_array_equal(episode.infos["cost"], np.r_[0, log.costs[rows]])
        assert episode.terminations.tolist() == [False] * 11 + [True]
        assert not episode.truncations.any()
    with pytest.raises(ValueError, match="already exists"):
        dataset.to_minari("campaigns/spring-v0")
    with pytest.raises(ValueError, match="finite"):
        dataset.to_minari("campaigns/summer-v0", multiplier=np.inf)
    there = sorted(tmp_path.rglob("*"))
    for name in ("", "spring", "../out-v0", "/out-v0", "a/out-v0", "campaigns//x-v0", "x\n-v0", "x-v0\n", "x.y-v0"):
        with pytest.raises(ValueError, match="no name of a data set"):
            dataset.to_minari(name)
    assert sorted(tmp_path.rglob("*")) == there
    one = read(one_shot(50))
    assert one.to_minari("one-v1").total_episodes == one.user_count == 50
    assert one.without(["age", "town"]).to_minari("nothing-v0")[3].observations.shape == (2, 0)


def test_minari_that_is_missing(monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("minari"):
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'minari\[hdf5\]'"):
        read(one_shot(50)).to_minari("one-v0")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_small_file_is_read_or_refused(tmp_path_factory, data):
    cells = st.sampled_from(
        ["", "0", "5", "1,5", "1.000", "yes", "NA", "2024-01-31", "inf", '"', "-1", "5 EUR", "x\ny", "ä"]
    )
    header = ["user_id", "week", "amount", "active", "cost", "age"]
    rows = data.draw(st.lists(st.lists(cells, min_size=6, max_size=6), min_size=0, max_size=6))
    path = tmp_path_factory.mktemp("any") / "log.csv"
    separator = data.draw(st.sampled_from([",", ";"]))
    lines = [separator.join(cell if cell == '"' else f'"{cell}"' for cell in row) for row in [header, *rows]]
    path.write_text("\n".join(lines))
    dataset = None
    with contextlib.suppress(TableFileError):  # nothing else may be raised
        dataset = read(path)
    if dataset is None:
        return
    assert len(dataset.actions) == dataset.user_count * dataset.horizon
    assert np.isfinite(dataset.log().states).all()


def test_hillstrom(tmp_path):
    folder = os.environ.get("BETHINK_BUDGET_DATA")
    if not folder:
        pytest.skip("BETHINK_BUDGET_DATA does not name the folder of budget data.")
    dataset = read(pd.read_csv(Path(folder) / "hillstrom.csv.gz"), arm_costs={"Mens E-Mail": 1, "Womens E-Mail": 1})
    assert (dataset.horizon, dataset.user_count, dataset.columns.reward) == (1, 64_000, "visit")
    assert dataset.labels == ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    assert np.bincount(dataset.actions).tolist() == [21_306, 21_307, 21_387]
    visits = np.bincount(dataset.actions, dataset.rewards) / np.bincount(dataset.actions)
    assert visits == pytest.approx([0.10617, 0.18276, 0.15140], abs=1e-5)
    assert len(dataset.features.columns) == 8
