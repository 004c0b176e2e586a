"""One-shot response: shrinkage against a dense mixed model, trees on features, stated costs, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.environment import AMOUNTS, STATES, activity, campaign, features
from bethink.tools.budget.log import Log
from bethink.tools.budget.response import StatedCost, cross_predict, fit_boosting, fit_response, fit_segments


def first_week(users: int, seed: int) -> Log:
    log = campaign(users, seed)
    return replace(log.rows(log.steps == 0), horizon=1)


def segments(seed: int, rows: int, own: float = 0.05) -> tuple[Ints, Ints, Floats, Floats]:
    """A made-up table of 12 segments and 3 amounts: segments, actions, outcomes 0/1, and the true table."""
    rng = np.random.default_rng(seed)
    truth = 0.3 + rng.normal(0, 0.1, (12, 1)) + np.array([0.0, 0.08, 0.15]) + rng.normal(0, own, (12, 3))
    truth = np.clip(truth, 0.02, 0.98)
    states, actions = rng.integers(12, size=rows), rng.integers(3, size=rows)
    return states, actions, (rng.random(rows) < truth[states, actions]).astype(float), truth


def raw(states: Ints, actions: Ints, outcomes: Floats) -> tuple[Floats, Floats]:
    counts, sums = np.zeros((12, 3)), np.zeros((12, 3))
    np.add.at(counts, (states, actions), 1)
    np.add.at(sums, (states, actions), outcomes)
    return sums / np.maximum(counts, 1), counts


def dense(states: Ints, actions: Ints, outcomes: Floats) -> Floats:
    """The same mixed model with full matrices over all cells, and another search."""
    means, counts = raw(states, actions, outcomes)
    within = [outcomes[actions == a] - means[states[actions == a], a] for a in range(3)]
    noise = np.array([(errors**2).sum() / (len(errors) - 12) for errors in within])
    y, design = means.ravel(), np.tile(np.eye(3), (12, 1))
    common, single = np.kron(np.eye(12), np.ones((3, 3))), np.eye(36)

    def solved(logs: Floats) -> tuple[float, Floats]:
        tau_b, tau_d = np.exp(logs)
        v = np.diag((noise / counts).ravel()) + tau_b * common + tau_d * single
        inverse = np.linalg.inv(v)
        information = design.T @ inverse @ design
        alpha = np.linalg.solve(information, design.T @ inverse @ y)
        errors = y - design @ alpha
        deviance = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1] + errors @ inverse @ errors
        return deviance, design @ alpha + (tau_b * common + tau_d * single) @ inverse @ errors

    found = minimize(lambda logs: solved(logs)[0], np.log([0.01, 0.01]), method="L-BFGS-B", bounds=[(-20, 2)] * 2)
    return solved(found.x)[1].reshape(12, 3)


def test_shrinkage_equals_the_dense_mixed_model() -> None:
    states, actions, outcomes, _ = segments(0, 3000)
    found = fit_segments(states, actions, outcomes, 3)(np.arange(12))
    assert found == pytest.approx(dense(states, actions, outcomes), abs=5e-4)


def test_shrinkage_is_nearer_to_the_truth_than_the_table_and_lets_go_with_data() -> None:
    leaning, plain = [], []
    for seed in range(20):
        states, actions, outcomes, truth = segments(seed, 1200)
        leaning.append(np.square(fit_segments(states, actions, outcomes, 3)(np.arange(12)) - truth).mean())
        plain.append(np.square(raw(states, actions, outcomes)[0] - truth).mean())
    assert np.mean(leaning) < 0.75 * np.mean(plain)
    states, actions, outcomes, truth = segments(1, 300_000)
    much = fit_segments(states, actions, outcomes, 3)(np.arange(12))
    assert much == pytest.approx(raw(states, actions, outcomes)[0], abs=3e-3)


def test_rare_cells_and_unknown_segments_lean_on_the_rest() -> None:
    states, actions, outcomes, truth = segments(2, 20_000, own=0.0)
    keep = ~((states == 0) & (actions == 2)) & (states != 11)
    found = fit_segments(states[keep], actions[keep], outcomes[keep], 3)(np.array([0, 11, 99]))
    assert found[0, 2] == pytest.approx(truth[0, 2], abs=0.05)
    assert found[1].tolist() == found[2].tolist()
    assert found[1] == pytest.approx(truth[:11].mean(0), abs=0.03)


def test_money_of_a_rare_cell_is_not_shrunk_to_nothing() -> None:
    log = first_week(20_000, 0)
    rare = log.rows(~((log.states == 30) & (log.actions == 3) & (log.costs > 0)))
    found = fit_response(rare).predict(np.arange(STATES))
    assert (found.costs[:, 0] == 0).all()
    assert (found.costs[:, 1:] > 0).all()
    assert (found.costs <= AMOUNTS).all()
    lived = np.unique(log.states)
    p = activity(*np.meshgrid(lived, np.arange(4), indexing="ij"))
    assert found.rewards[lived] == pytest.approx(p, abs=0.15)
    assert found.costs[lived] == pytest.approx(0.9 * AMOUNTS * p, abs=2.0)
    assert found.gains[:, 0].tolist() == [0.0] * STATES


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(3, 60), labels=st.integers(1, 9), kind=st.integers(0, 3))
def test_predictions_stay_within_what_was_seen(seed: int, rows: int, labels: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    states, actions = rng.integers(labels, size=rows), np.r_[0, 1, 2, rng.integers(3, size=rows - 3)]
    outcomes = [rng.random(rows) < 0.3, np.zeros(rows), rng.normal(size=rows) * 1e6, 1.0 * actions][kind].astype(float)
    found = fit_segments(states, actions, outcomes, 3)(np.arange(-1, labels + 1))
    assert found.shape == (labels + 2, 3)
    for action in range(3):
        seen = outcomes[actions == action]
        assert ((found[:, action] >= seen.min()) & (found[:, action] <= seen.max())).all()


def test_trees_find_who_responds() -> None:
    log = first_week(12_000, 1)
    wide = replace(log, states=features(log.states, 0), next_states=features(log.next_states, 1))
    found = fit_response(wide).predict(wide.states)
    p = activity(log.states[:, None], np.tile(np.arange(4), (12_000, 1)))
    assert np.sqrt(np.square(found.rewards - p).mean()) < 0.05
    assert np.sqrt(np.square(found.costs - 0.9 * AMOUNTS * p).mean()) < 0.35
    assert (found.costs[:, 0] == 0).all()
    spending = log.rewards * np.random.default_rng(0).normal(30, 5, 12_000)
    amounts = fit_response(replace(wide, rewards=spending)).predict(wide.states).rewards
    assert np.corrcoef(amounts[:, 0], 30 * p[:, 0])[0, 1] > 0.95
    assert found.rewards.shape == (12_000, 4)
    assert fit_response(wide).predict(wide.states[:0]).rewards.shape == (0, 4)


def test_cross_predictions_come_from_other_users() -> None:
    log, seen = first_week(800, 2), []

    def fit(train: Log):
        seen.append(set(train.users.tolist()))
        return fit_response(train)

    found = cross_predict(log, fit=fit, folds=4)
    assert len(seen) == 4
    for fold, train in zip(log.folds(4, 0), seen, strict=True):
        assert not train & set(log.users[fold].tolist())
    assert np.isfinite(found.rewards).all()
    assert np.isfinite(found.costs).all()


def test_stated_costs() -> None:
    log = first_week(3000, 3)
    states = np.unique(log.states)
    visit = fit_response(log, cost=StatedCost()).predict(states)
    assert visit.costs == pytest.approx(AMOUNTS * visit.rewards)
    part = fit_response(log, cost=StatedCost(np.array([0.0, 0.9, 0.8, 0.5]))).predict(states)
    assert part.costs == pytest.approx(np.array([0.0, 1.8, 4.0, 5.0]) * part.rewards)
    sent = fit_response(log, cost=StatedCost(1.0, of_response=False)).predict(states)
    assert (sent.costs == AMOUNTS).all()
    money = replace(log, rewards=40 * log.rewards)
    with pytest.raises(ValueError, match="per response"):
        fit_response(money, cost=StatedCost()).predict(states)


def test_bad_input_is_named() -> None:
    log = first_week(200, 4)
    wide = replace(log, states=features(log.states, 0))
    cases = (
        (lambda: fit_response(campaign(20, 0)), "one step"),
        (lambda: fit_response(log.rows(log.actions != 2)), "never gave the amount 5"),
        (lambda: fit_response(log, learner=fit_boosting), "fit_segments"),
        (lambda: fit_response(wide, learner=fit_segments), "fit_boosting"),
        (lambda: cross_predict(log, folds=1), "folds"),
        (lambda: StatedCost(1.2), "within"),
        (lambda: StatedCost(float("nan")), "within"),
    )
    for run, words in cases:
        with pytest.raises(ValueError, match=words):
            run()
