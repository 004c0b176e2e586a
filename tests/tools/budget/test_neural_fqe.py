from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from bethink.tools.budget import environment
from bethink.tools.budget.candidates import SameForAll
from bethink.tools.budget.cmdp import Ints, Outcome, Policy, TabularPolicy, outcome
from bethink.tools.budget.log import Log
from bethink.tools.budget.neural_fqe import NeuralFQE, cross_fitted
from tests.tools.budget.featured import QUICK, coupons


class InTime:
    """Five to everybody in the second half, as the column of time tells it."""

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        return np.where(states[:, 6] >= 0.5, 2, 0)


class ForSegment:
    """An amount for one segment only."""

    def __init__(self, segment: int, action: int) -> None:
        self.segment, self.action = segment, action

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        return np.where(states[:, self.segment] == 1, self.action, 0)


POLICIES: tuple[Policy, ...] = (SameForAll(0), SameForAll(3), InTime(), ForSegment(1, 1), ForSegment(3, 3))


@cache
def fqe() -> NeuralFQE:
    return NeuralFQE(coupons(20_000), members=1, fitting=QUICK)


def truth(policy: Policy) -> Outcome:
    every, steps = np.arange(environment.STATES), range(environment.HORIZON)
    actions = np.stack([policy.act(environment.features(every, step), step) for step in steps])
    return outcome(environment.tabular(), TabularPolicy(actions))


def test_estimates_are_near_the_truth_for_any_policy() -> None:
    for policy, found in zip(POLICIES, fqe().evaluate_all(POLICIES), strict=True):
        true = truth(policy)
        assert found.reward == pytest.approx(true.reward, abs=0.16)
        assert found.cost == pytest.approx(true.cost, rel=0.05, abs=0.25)


def test_one_policy_is_evaluated_like_several() -> None:
    alone, together = fqe().evaluate(POLICIES[2]), fqe().evaluate_all(POLICIES)[2]
    assert alone.reward == pytest.approx(together.reward, abs=0.1)
    assert alone.cost == pytest.approx(together.cost, rel=0.04)


def test_rewards_are_discounted_and_money_is_not() -> None:
    discounted = NeuralFQE(coupons(20_000), members=1, fitting=replace(QUICK, gamma=0.8))
    found = discounted.evaluate(POLICIES[1])
    true = outcome(
        replace(environment.tabular(), gamma=0.8), TabularPolicy(np.full((environment.HORIZON, environment.STATES), 3))
    )
    assert found.reward == pytest.approx(true.reward, abs=0.06)
    assert found.cost == pytest.approx(true.cost, rel=0.04)


def test_what_is_learned_is_evaluated_on_other_users() -> None:
    log = coupons(4000)
    seen: list[set[int]] = []
    judged: list[set[int]] = []

    def learn(part: Log) -> list[Policy]:
        seen.append(set(part.users.tolist()))
        return [SameForAll(3), SameForAll(0)]

    def evaluator(part: Log) -> NeuralFQE:
        judged.append(set(part.users.tolist()))
        return NeuralFQE(part, members=1, fitting=QUICK)

    found = cross_fitted(log, learn, folds=2, evaluator=evaluator)
    assert [len(users) for users in seen] == [2000, 2000]
    assert all(not learned & other for learned, other in zip(seen, judged, strict=True))
    assert set.union(*judged) == set(range(4000))
    assert found[0].cost == pytest.approx(51.2, rel=0.06)
    assert found[1] == (pytest.approx(4.53, abs=0.25), 0.0)


def test_what_cannot_be_evaluated_is_refused() -> None:
    with pytest.raises(TypeError, match="features"):
        NeuralFQE(environment.campaign(50, 0))
    with pytest.raises(ValueError, match="members"):
        NeuralFQE(coupons(500), members=0)
    with pytest.raises(ValueError, match="below zero"):
        NeuralFQE(replace(coupons(500), costs=coupons(500).costs - 1))
    small = NeuralFQE(coupons(500), members=1, fitting=QUICK)
    with pytest.raises(ValueError, match="no policy"):
        small.evaluate_all([])
    with pytest.raises(ValueError, match="actions from 7 to 7"):
        small.evaluate(SameForAll(7))
    with pytest.raises(ValueError, match="folds"):
        cross_fitted(coupons(500), lambda log: [SameForAll(0)], folds=1)
    grown = iter(([SameForAll(0)], [SameForAll(0), SameForAll(1)]))
    with pytest.raises(ValueError, match="another number"):
        cross_fitted(coupons(500), lambda log: next(grown), evaluator=lambda log: small)
