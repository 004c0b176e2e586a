"""Importance sampling: identities, hand-made cases, the Open Bandit sample, and that 12 steps are refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import StochasticPolicy, TabularPolicy
from bethink.tools.budget.environment import LOGGING, STATES, activity, campaign, initial, tabular
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope import cross_target, dr, ips, one_shot_scores, pdis, snips
from bethink.tools.budget.ope.estimate import effective_sample_size
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.response import Response, cross_predict


def rows(seed: int, n: int = 300, k: int = 3):
    rng = np.random.default_rng(seed)
    logging = rng.dirichlet(np.ones(k) * 3, size=n)
    actions = np.array([rng.choice(k, p=p) for p in logging])
    outcomes = rng.normal(actions, 1.0)
    target = rng.dirichlet(np.ones(k), size=n)
    return outcomes, actions, logging[np.arange(n), actions], target


def first_week(users: int, seed: int) -> Log:
    log = campaign(users, seed)
    return replace(log.rows(log.steps == 0), horizon=1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-100, 100))
def test_identities(seed: int, shift: float) -> None:
    outcomes, actions, propensities, target = rows(seed, n=60)
    plain = ips(outcomes, actions, propensities, target)
    empty = dr(outcomes, actions, propensities, target, np.zeros_like(target))
    assert empty.value == pytest.approx(plain.value)
    assert empty.estimate().se == pytest.approx(plain.estimate().se)
    known = np.tile(outcomes[:, None], (1, 3))
    assert dr(outcomes, actions, propensities, target, known).value == pytest.approx(outcomes.mean())
    normal = snips(outcomes, actions, propensities, target)
    moved = snips(outcomes + shift, actions, propensities, target)
    assert moved.value == pytest.approx(normal.value + shift, abs=1e-8)
    assert outcomes.min() <= normal.value <= outcomes.max()
    assert moved.estimate().se == pytest.approx(normal.estimate().se, rel=1e-6, abs=1e-9)
    one_step = Log(np.zeros(60, int), actions, outcomes, outcomes, np.zeros(60, int), np.zeros(60, int), np.arange(60), 1,
                   np.arange(3.0), propensities)  # fmt: skip
    policy = StochasticPolicy(np.broadcast_to(target[0], (1, 1, 3)))
    same = ips(outcomes, actions, propensities, np.tile(target[0], (60, 1)))
    assert [scores.value for scores in pdis(one_step, policy)] == pytest.approx([same.value] * 2)


def test_by_hand() -> None:
    outcomes, actions = np.array([1.0, 0.0, 1.0, 3.0]), np.array([0, 0, 1, 1])
    propensities, target = np.array([0.5, 0.5, 0.25, 0.5]), np.tile([0.0, 1.0], (4, 1))
    scores = ips(outcomes, actions, propensities, target)
    assert scores.weights.tolist() == [0.0, 0.0, 4.0, 2.0]
    assert scores.value == pytest.approx((4 + 6) / 4)
    assert scores.estimate().ess == pytest.approx(36 / 20)
    assert not scores.estimate().reliable
    assert scores.estimate().se == pytest.approx(np.std([0, 0, 4, 6], ddof=1) / 2)
    assert snips(outcomes, actions, propensities, target).value == pytest.approx(10 / 6)
    predicted = np.tile([0.5, 2.0], (4, 1))
    assert dr(outcomes, actions, propensities, target, predicted).value == pytest.approx(2 + (4 * -1 + 2 * 1) / 4)
    assert scores.rows(np.array([2, 3])).value == pytest.approx(5.0)


def test_bootstrap_and_normal_intervals_agree_where_both_hold() -> None:
    outcomes, actions, propensities, target = rows(0, n=4000)
    uniform = ips(outcomes, actions, propensities, np.full_like(target, 1 / 3))
    plain, normalised = (estimator(outcomes, actions, propensities, target) for estimator in (ips, snips))
    for scores, other in ((plain, None), (normalised, None), (plain, uniform)):
        normal, drawn = scores.estimate(other), scores.estimate(other, interval="bootstrap", replicates=2000)
        assert drawn.value == normal.value
        assert drawn.se == pytest.approx(normal.se, rel=0.1)
        assert drawn.ci == pytest.approx(normal.ci, abs=0.4 * normal.se)


def test_paired_difference_is_sharper() -> None:
    outcomes, actions, propensities, target = rows(1, n=3000)
    near = 0.9 * target + 0.1 / 3
    a, b = ips(outcomes, actions, propensities, target), ips(outcomes, actions, propensities, near)
    found = a.estimate(b)
    assert found.value == pytest.approx(a.value - b.value)
    assert found.se < 0.3 * a.estimate().se
    assert a.estimate(a).se == 0.0
    assert not a.estimate(a).significant


def test_doubly_robust_finds_the_truth_of_a_week_and_is_sharper_than_ips() -> None:
    log = first_week(20_000, 0)
    target = np.eye(4)[np.where(log.states < 15, 3, 0)]
    states = np.arange(STATES)
    p = activity(states, np.where(states < 15, 3, 0))
    truth, spent = initial() @ p, initial() @ (p * 9.0 * (states < 15))
    scores = one_shot_scores(log, target, cross_predict(log))
    found = scores.evaluation()
    assert found.reward.value == pytest.approx(truth, abs=4 * found.reward.se)
    assert found.cost.value == pytest.approx(spent, abs=4 * found.cost.se)
    assert log.propensities is not None
    assert found.reward.se < 0.8 * ips(log.rewards, log.actions, log.propensities, target).estimate().se
    part = scores.rows(log.states < 15).evaluation()
    assert part.reward.n == (log.states < 15).sum()
    biased = Response(np.full((20_000, 4), 0.9), np.full((20_000, 4), 5.0))
    robust = one_shot_scores(log, target, biased).evaluation()
    assert robust.reward.value == pytest.approx(truth, abs=4 * robust.reward.se)


def test_rules_are_learned_without_the_rows_they_are_scored_on() -> None:
    log, seen = first_week(1000, 1), []

    def learn(train: Log):
        seen.append(set(train.users.tolist()))
        return lambda states: np.tile(np.eye(4)[len(seen) - 1], (len(states), 1))

    target = cross_target(log, learn)
    assert seen[0] | seen[1] == set(range(1000))
    assert not seen[0] & seen[1]
    fold = log.folds(2, 0)[0]
    assert (target[fold, 0] == 1).all()
    assert (target[~fold, 1] == 1).all()
    assert not set(log.users[fold].tolist()) & seen[0]


def test_twelve_steps_are_flagged() -> None:
    """Spec 7.6: trajectories of the optimal mixture; nothing is left of 20,000 users."""
    mixture = chord_search(TabularOracle(tabular()), 6.0)
    for scores in pdis(campaign(20_000, seed=0), mixture):
        found = scores.estimate()
        assert not found.reliable
        assert found.ess < 200
        assert "effective sample size" in found.reason


def test_per_decision_weights_of_a_mixture_drawn_once() -> None:
    log = campaign(200, seed=2)
    first, second = (TabularPolicy(np.full((12, STATES), action)) for action in (0, 1))
    parts = [pdis(log, policy)[0] for policy in (first, second)]
    both = pdis(log, [(first, 0.3), (second, 0.7)])[0]
    assert both.numerator == pytest.approx(0.3 * parts[0].numerator + 0.7 * parts[1].numerator)
    logged = pdis(log, StochasticPolicy(np.broadcast_to(LOGGING, (12, STATES, 4))))
    assert [scores.value for scores in logged] == pytest.approx([log.rewards.sum() / 200, log.costs.sum() / 200])
    assert logged[0].estimate().ess == pytest.approx(200)


def test_open_bandit_sample() -> None:
    """Spec 6: the uniform policy's click rate from the rows of Thompson sampling."""
    folder = os.environ.get("BETHINK_BUDGET_DATA")
    if not folder:
        pytest.skip("BETHINK_BUDGET_DATA does not name the folder of budget data.")
    import pandas as pd

    table = pd.read_csv(Path(folder) / "obd_bts_men.csv.gz")
    arguments = (table.click.to_numpy(float), table.item_id.to_numpy(), table.propensity_score.to_numpy())
    uniform = np.full((len(table), 34), 1 / 34)
    plain, normal = ips(*arguments, uniform), snips(*arguments, uniform)
    assert plain.value == pytest.approx(0.00301, abs=5e-6)
    assert normal.value == pytest.approx(0.00319, abs=5e-6)
    assert plain.estimate().se == pytest.approx(0.00077, abs=5e-6)
    assert round(plain.estimate().ess) == 656
    assert round(plain.weights.max()) == 178


def test_bad_input_is_named() -> None:
    outcomes, actions, propensities, target = rows(3, n=20)
    log, week = campaign(30, seed=3), first_week(30, 3)
    nothing = TabularPolicy(np.zeros((12, STATES), np.int64))
    predicted = Response(np.zeros((30, 4)), np.zeros((30, 4)))
    cases = (
        (lambda: ips(outcomes, actions, propensities[:-1], target), "as many propensities"),
        (lambda: ips(outcomes, actions, 0 * propensities, target), "within \\(0, 1\\]"),
        (lambda: ips(outcomes, actions, np.full(20, np.nan), target), "within \\(0, 1\\]"),
        (lambda: ips(outcomes, actions, propensities, 2 * target), "sum to one"),
        (lambda: ips(outcomes, actions + 3, propensities, target), "0..2"),
        (lambda: ips(np.full(20, np.inf), actions, propensities, target), "finite"),
        (lambda: dr(outcomes, actions, propensities, target, target[:, :2]), "shape"),
        (lambda: ips(outcomes, actions, propensities, target).rows(np.arange(1)).estimate(), "2 rows"),
        (lambda: ips(outcomes, actions, propensities, target).estimate(level=95), "level"),
        (lambda: pdis(replace(log, propensities=None), nothing), "propensities"),
        (lambda: pdis(log.rows(np.arange(359)), nothing), "each of the 12 steps"),
        (lambda: one_shot_scores(log, target, predicted), "one step"),
        (lambda: one_shot_scores(replace(week, propensities=None), target, predicted), "propensities"),
        (lambda: cross_target(week, lambda train: lambda states: states, folds=1), "folds"),
    )  # fmt: skip
    for run, words in cases:
        with pytest.raises(ValueError, match=words):
            run()
    assert effective_sample_size(np.zeros(3)) == 0.0
