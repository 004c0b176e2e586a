from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.candidates import Candidates, SameForAll
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome
from bethink.tools.budget.lp import InfeasibleBudget

numbers = st.integers(0, 40).map(lambda whole: whole / 4)
lists = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12)


def candidates(outcomes: list[tuple[float, float]]) -> Candidates:
    policies = tuple(SameForAll(number) for number in range(len(outcomes)))
    return Candidates(policies, tuple(Outcome(*each) for each in outcomes))


@given(lists, st.one_of(numbers, st.just(math.inf)))
def test_the_answer_is_the_best_and_of_equals_the_cheapest(outcomes: list[tuple[float, float]], price: float) -> None:
    oracle = candidates(outcomes)
    reward, cost = oracle.evaluate(oracle.solve(price))
    for other_reward, other_cost in outcomes:
        if math.isinf(price):
            assert (cost, -reward) <= (other_cost, -other_reward)
        else:
            worth, other = reward - price * cost, other_reward - price * other_cost
            assert worth > other or (worth == other and cost <= other_cost)


@settings(deadline=None)
@given(lists, numbers)
def test_the_chord_search_finds_the_best_mixture_of_two(outcomes: list[tuple[float, float]], budget: float) -> None:
    if min(cost for _, cost in outcomes) > budget:
        with pytest.raises(InfeasibleBudget):
            chord_search(candidates(outcomes), budget)
        return
    best = max(reward for reward, cost in outcomes if cost <= budget)
    for reward, cost in outcomes:
        for dearer_reward, dearer in outcomes:
            if cost <= budget < dearer:
                weight = (budget - cost) / (dearer - cost)
                best = max(best, weight * dearer_reward + (1 - weight) * reward)
    found = chord_search(candidates(outcomes), budget, tolerance=1e-12)
    assert found.outcome.reward == pytest.approx(best, abs=1e-9)
    assert found.outcome.cost <= budget + 1e-9
    assert found.gap == pytest.approx(0.0, abs=1e-9)


def test_everybody_gets_the_same() -> None:
    assert SameForAll(2).act(np.zeros((3, 5)), 1).tolist() == [2, 2, 2]
    assert SameForAll().act(np.zeros(2), np.array([0, 1])).tolist() == [0, 0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one of each"):
        Candidates((), ())
    with pytest.raises(ValueError, match="one of each"):
        Candidates((SameForAll(0),), ())
    with pytest.raises(ValueError, match="finite"):
        candidates([(math.nan, 0.0)])
    oracle = candidates([(1.0, 1.0)])
    with pytest.raises(ValueError, match="not known"):
        oracle.evaluate(SameForAll(0))
    for price in (-1.0, math.nan):
        with pytest.raises(ValueError, match="multiplier"):
            oracle.solve(price)
