from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bethink.tools.budget.campaign import CampaignDataset
from bethink.tools.budget.cells import Cells
from bethink.tools.budget.confounding import predictability
from bethink.tools.budget.environment import LOGGING
from bethink.tools.budget.propensities import balance
from bethink.tools.budget.report import Report, validate
from bethink.tools.findings import TableError
from tests.tools.budget.logs import coupon_retention, one_shot

DATA = Path(__file__).parent / "data"


def report(frame: pd.DataFrame, **options) -> Report:
    return validate(CampaignDataset.from_table(frame, **options))


def found(made: Report) -> dict:
    return {finding.code: finding for finding in made.findings}


def refused(frame: pd.DataFrame, **options) -> str:
    with pytest.raises(TableError) as error:
        report(frame, **options)
    assert error.value.hint
    return error.value.code


def test_a_good_log_has_nothing_to_be_warned_of():
    made = report(one_shot(5000))
    assert made.findings == ()
    assert not made.associational
    assert "taken as random" in made.assumptions[-1]
    assert made.redemptions[0] == 0
    assert min(made.redemptions[1:]) > 200


def test_a_sequential_log_drawn_at_random():
    _, frame = coupon_retention(2000)
    assert report(frame).findings == ()
    exact = frame.assign(propensity=LOGGING[np.searchsorted([0, 2, 5, 10], frame["amount"])])
    made = report(exact)
    assert (made.findings, made.predictability, made.assumptions) == ((), None, ())


def test_confounding_is_seen_where_coupons_went_to_some():
    """Coupons for lapsing users, who would not have come anyway: Simpson's trap of the spec's section 10."""
    rng = np.random.default_rng(0)
    frame = one_shot(4000)
    lapsing = rng.random(4000) < 0.5
    frame["amount"] = np.where(rng.random(4000) < np.where(lapsing, 0.8, 0.2), 5, 0)
    frame["recency"] = np.where(lapsing, rng.integers(6, 12, 4000), rng.integers(0, 7, 4000))
    frame["cost"] = frame["amount"] * frame["active"]
    made = report(frame)
    assert made.associational
    assert found(made)["confounding"].numbers["auc"] > 0.7
    assert "associational" in found(made)["confounding"].message
    given = frame.assign(propensity=np.where((frame["amount"] == 5) == lapsing, 0.8, 0.2))
    assert "confounding" not in found(report(given))


@pytest.mark.parametrize("seed", [0, 1])
def test_confounding_is_seen_whatever_generator_drew_the_amounts(seed):
    """The halves of the check are drawn from seed 0, as the amounts of the first log are."""
    frame = one_shot(3000, seed)
    assert validate(CampaignDataset.from_table(frame)).predictability is not None
    made = report(frame.assign(age=frame["amount"] * 10 + np.random.default_rng(9).normal(size=3000)))
    assert made.associational
    assert found(made)["confounding"].numbers["auc"] > 0.95


def test_amounts_that_went_by_the_calendar():
    """Coupons in the weeks in which everybody comes anyway; they do nothing, though means over all weeks differ."""
    rng = np.random.default_rng(1)
    week = np.tile(np.arange(8), 500)
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(500), 8), "week": week, "kind": rng.choice(["a", "b"], 4000)})
    frame["amount"] = np.where(rng.random(4000) < np.where(week > 3, 0.8, 0.2), 5, 0)
    frame["active"] = (rng.random(4000) < np.where(week > 3, 0.6, 0.2)).astype(int)
    assert np.diff(frame.groupby("amount")["active"].mean())[0] > 0.15
    assert report(frame).associational
    assert report(frame.assign(step=rng.normal(size=4000))).associational
    shuffled = frame.assign(amount=rng.permutation(frame["amount"]))
    assert not report(shuffled).associational


def test_what_cannot_be_seen_is_not_called_seen():
    frame = one_shot(60)
    frame["amount"] = np.where(np.arange(60) < 5, 5, 0)
    made = report(frame.drop(columns="cost"))
    assert made.predictability is None
    assert "too few rows" in made.assumptions[-1]
    assert "no features" in report(one_shot(2000)[["amount", "active"]]).assumptions[-1]


def test_small_logs_drawn_at_random_are_not_called_confounded():
    """With 60 rows the AUC passes 0.6 by chance alone."""
    for seed in range(20):
        frame = one_shot(60, seed)
        made = predictability(frame[["age", "town"]], np.searchsorted([0, 2, 5], frame["amount"]), np.arange(60))
        assert made is None or not made.confounded


def test_errors_are_as_large_as_chance_makes_them():
    """Over logs drawn at random the AUC leaves one half by one standard error, as the root of the mean square."""
    deviations = []
    for seed in range(1000, 1060):
        frame = one_shot(300, seed)
        made = predictability(frame[["age", "town"]], np.searchsorted([0, 2, 5], frame["amount"]), np.arange(300))
        deviations.append((made.auc - 0.5) / made.errors)
    assert 0.75 < np.sqrt(np.mean(np.square(deviations))) < 1.15


def test_complete_journey_was_not_randomised():
    """Real households: those who buy more were sent the campaign (and bought more anyway)."""
    made = report(pd.read_csv(DATA / "completejourney_campaign18.csv"), features=["lines_before", "spend_before"])
    assert made.associational
    assert found(made)["confounding"].numbers["auc"] > 0.8


def test_propensities_that_the_actions_contradict():
    frame = one_shot(3000)
    assert "positivity" not in found(report(frame.assign(propensity=1 / 3)))
    assert refused(frame.assign(propensity=0.2)) == "propensities"
    too_large = found(report(frame.assign(propensity=0.9)))["positivity"]
    assert too_large.numbers["shares"]["5"] == round((frame["amount"] == 5).mean() / 0.9, 2)


def test_balance_is_one_where_propensities_are_right():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3) * 3, 20_000)
    actions = (rng.random(20_000)[:, None] > np.cumsum(p, 1)).sum(1)
    made = balance(p[np.arange(20_000), actions], actions, 3)
    assert (np.abs(made.means - 1) < 4 * made.errors).all()
    impossible = np.where(np.arange(20_000) < 5000, 0, actions)
    half = balance(np.where(np.arange(20_000) < 5000, 1.0, p[np.arange(20_000), impossible]), impossible, 3)
    assert half.means[1:] == pytest.approx([0.75, 0.75], abs=0.06)


def test_nearly_deterministic_logs():
    rng = np.random.default_rng(0)
    rare = rng.random(20_000) < 0.004
    frame = one_shot(20_000, amount=np.where(rare, 5, 0), propensity=np.where(rare, 0.004, 0.996))
    frame["cost"] = frame["amount"] * frame["active"]
    made = found(report(frame))
    assert made["positivity"].numbers == {"rows": int(rare.sum()), "least": 0.004, "limit": 0.01}
    assert made["few_redemptions"].numbers["redemptions"]["5"] < 200


def test_an_amount_that_a_segment_never_got():
    frame = one_shot(3000).rename(columns={"town": "segment"})
    frame = frame[(frame["segment"] != "Ulm") | (frame["amount"] != 5)]
    made = report(frame)
    assert made.unsupported == (("Ulm", "5"),)
    assert found(made)["support"].numbers["pairs"] == 1
    assert "'5' in 'Ulm'" in found(made)["support"].message
    dataset = CampaignDataset.from_table(frame)
    cells = Cells.fit(dataset.features[["segment"]], dataset.targets, dataset.actions)
    assert validate(dataset, cells).unsupported == (("segment=Ulm", "5"),)


def test_segments_with_one_amount_each_are_refused():
    frame = one_shot(500).rename(columns={"town": "segment"})
    frame["amount"] = np.where(frame["segment"] == "Ulm", 5, 0)
    frame["cost"] = 0
    assert refused(frame) == "no_overlap"


@pytest.mark.parametrize("of", ["active", "cost", "amount"])
def test_a_feature_that_repeats_an_outcome(of):
    frame = one_shot(2000)
    names = {value: f"level {value}" for value in frame[of].unique()}
    for copy in (frame[of], frame[of].map(names), 7 - 2 * frame[of]):
        made = report(frame.assign(copy=copy), features=["age", "copy"])
        assert made.leaks == ("copy",)
        assert found(made)["leakage"].numbers == {"feature": "copy", "same_as": of}
        assert made.associational == (of == "amount")
        assert ("if it was known before" in found(made)["leakage"].message) == (of == "amount")
        assert any("taken as random" in text for text in made.assumptions) == (of != "amount")


def test_a_feature_that_amounts_may_have_gone_by():
    """Under propensities how they went is known; among several leaks one is enough; a like one is none."""
    frame = one_shot(2000).assign(badge=lambda log: log["amount"].map({0: "bronze", 2: "silver", 5: "gold"}))
    assert report(frame).associational
    given = report(frame.assign(propensity=1 / 3))
    assert (given.associational, given.leaks) == (False, ("badge",))
    assert report(frame.assign(copy=frame["active"]), features=["copy", "badge"]).leaks == ("copy", "badge")
    assert report(frame.assign(copy=frame["active"]), features=["copy", "badge"]).associational
    other = np.random.default_rng(3).permutation(frame["badge"])
    assert not report(frame.assign(badge=other)).associational


@pytest.mark.parametrize(("share", "suspected"), [(0.5, True), (0.05, True), (0.005, False)])
def test_a_feature_that_only_responders_have(share, suspected):
    frame = one_shot(3000)
    basket = frame["active"] * (np.random.default_rng(1).random(3000) < share) * np.arange(3000)
    made = found(report(frame.assign(basket=basket), features=["basket", "age"]))
    assert ("leakage_suspected" in made) == suspected
    words = found(report(frame.assign(basket=np.where(basket > 0, "full", "empty")), features=["basket"]))
    assert ("leakage_suspected" in words) == suspected


def test_features_known_beforehand_are_not_suspected():
    assert not [code for code in found(report(coupon_retention(1500)[1])) if code.startswith("leakage")]


@pytest.mark.parametrize("factor", [100, 0.01, 1000])
def test_money_in_two_units_is_refused(factor):
    frame = one_shot(500)
    assert refused(frame.assign(cost=frame["cost"] * factor)) == "unit"


def test_odd_money_is_told():
    frame = one_shot(2000)
    odd = frame.assign(cost=frame["cost"] + np.where(np.arange(2000) < 3, 0.5, 0.0))
    odd.loc[:2, "amount"] = [0, 0, 2]
    odd.loc[:2, "cost"] = [0.5, 0.25, 2.5]
    made = found(report(odd))
    assert made["cost_without_coupon"].numbers == {"rows": 2, "total": 0.75}
    assert made["cost_above_amount"].numbers == {"rows": 1}


def test_rewards_that_are_amounts():
    frame = one_shot(2000).rename(columns={"active": "revenue"})
    frame["revenue"] *= 30.5
    assert found(report(frame))["reward_scale"].numbers == {"least": 0, "most": 30.5}


def test_few_redemptions_are_counted_by_amount():
    made = report(one_shot(300))
    numbers = found(made)["few_redemptions"].numbers
    assert numbers["redemptions"] == {"2": made.redemptions[1], "5": made.redemptions[2]}
    arms = one_shot(300).drop(columns="cost")
    arms["amount"] = np.where(arms["amount"] > 0, "mail", "none")
    made = found(report(arms, arm_costs={"mail": 1}))["few_redemptions"]
    assert "responses" in made.message
    assert made.numbers["redemptions"]["mail"] == int(arms["active"][arms["amount"] == "mail"].sum())


def test_missing_features_are_counted():
    frame = one_shot(2000)
    frame["age"] = frame["age"].mask(np.arange(2000) < 17)
    assert found(report(frame))["missing_features"].numbers == {"features": 1, "missing": {"age": 17}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (one_shot(19), "too_few_users"),
        (one_shot(100, amount=0, cost=0), "one_amount"),
        (one_shot(100, active=1), "rewards_equal"),
        (one_shot(100, active=0, cost=0), "rewards_equal"),
    ],
)
def test_nothing_to_learn(frame, code):
    assert refused(frame) == code


def test_findings_are_json_and_hold_the_numbers_of_their_message():
    frame = one_shot(300, segment=["a", "b", "c"] * 100)
    frame = frame[(frame["segment"] != "a") | (frame["amount"] != 5)]
    frame.loc[frame.index[:5], "active"] = np.nan
    frame.loc[frame.index[frame["amount"] == 2][-1], "cost"] = 99
    made = report(frame)
    assert {"missing_values", "support", "few_redemptions", "cost_above_amount"} <= set(found(made))
    for finding in made.findings:
        numbers = json.dumps(finding.numbers)
        for number in re.findall(r"\d+(?:\.\d+)?", re.sub(r"'[^']*'", "", finding.message.replace(",", ""))):
            assert number in numbers, finding


def test_a_large_file_is_read_and_judged_in_time(tmp_path):
    """Target: 10 s for 100,000 rows; ten times that would be a fault and not a busy machine."""
    coupon_retention(8334)[1].to_csv(tmp_path / "log.csv", index=False)
    started = time.perf_counter()
    dataset = CampaignDataset.from_table(tmp_path / "log.csv")
    validate(dataset)
    cells = Cells.fit(dataset.features, dataset.targets, dataset.actions)
    log = dataset.log(cells)
    assert time.perf_counter() - started < 60
    assert (len(log.states), cells.count) == (100_008, 60)


def test_hillstrom_was_randomised():
    folder = os.environ.get("BETHINK_BUDGET_DATA")
    if not folder:
        pytest.skip("BETHINK_BUDGET_DATA does not name the folder of budget data.")
    frame = pd.read_csv(Path(folder) / "hillstrom.csv.gz")
    made = report(frame, arm_costs={"Mens E-Mail": 1, "Womens E-Mail": 1})
    assert (made.findings, made.associational) == ((), False)
    late = report(frame, reward="conversion", features=["visit", "spend", "mens"])
    suspected = [finding.numbers["feature"] for finding in late.findings if finding.code == "leakage_suspected"]
    assert suspected == ["visit", "spend"]
