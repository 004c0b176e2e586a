"""Moves learned in coordinates, beside the process that made them."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.budget import transitions
from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.counts import Counts
from bethink.tools.budget.log import Log
from bethink.tools.budget.smoothing import Axes, Factors
from bethink.tools.budget.transitions import frequencies, moving_together, smoothed_moves

AMOUNTS = np.array([0.0, 5.0])
RESPONSE = 0.4


def grid(*sizes: int) -> Ints:
    return np.stack(np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij"), -1).reshape(-1, len(sizes))


def simulate(truth: Floats, rows: int, seed: int) -> Counts:
    """Counts of rows [rows] in two-step episodes of a process whose transitions [2, S, A, S] are known."""
    rng = np.random.default_rng(seed)
    states, actions = rng.integers(truth.shape[1], size=rows), rng.integers(2, size=rows)
    response = rng.random(rows) < RESPONSE
    cumulated = truth[response.astype(int), states, actions].cumsum(1)
    following = (rng.random(rows)[:, None] > cumulated).sum(1).clip(0, truth.shape[1] - 1)
    steps = np.zeros(rows, np.int64)
    log = Log(states, actions, response * 1.0, np.zeros(rows), following, steps, np.arange(rows), 2, AMOUNTS)
    return Counts.of(log, truth.shape[1])


def independent(places: Ints) -> Floats:
    """Two factors of which each goes up after a response and down without one, with probabilities of its own."""
    number = {tuple(place): state for state, place in enumerate(places.tolist())}
    found = np.zeros((2, len(places), 2, len(places)))
    for state, place in enumerate(places):
        for first in (0, 1):
            for second in (0, 1):
                for response in (0, 1):
                    end = np.clip(place + (2 * response - 1) * np.array([first, second]), 0, places.max(0))
                    chance = (0.7 if first else 0.3) * (0.2 if second else 0.8)
                    found[response, state, :, number[tuple(end)]] += chance
    return found


def coupled(places: Ints) -> Floats:
    """Both factors go up or down together, or both stay."""
    number = {tuple(place): state for state, place in enumerate(places.tolist())}
    found = np.zeros((2, len(places), 2, len(places)))
    for state, place in enumerate(places):
        for response, up in ((0, 0.15), (1, 0.6)):
            for step, chance in ((1, up), (-1, (1 - up) / 2), (0, (1 - up) / 2)):
                end = number[tuple(np.clip(place + step, 0, places.max(0)))]
                found[response, state, :, end] += chance
    return found


def switching(places: Ints) -> Floats:
    """A category that changes to any other, by the category and the response."""
    chance = np.random.default_rng(5).dirichlet(np.full(4, 0.6), (2, 4))
    number = {tuple(place): state for state, place in enumerate(places.tolist())}
    found = np.zeros((2, len(places), 2, len(places)))
    for state, (category, level) in enumerate(places.tolist()):
        for response in (0, 1):
            for other in range(4):
                found[response, state, :, number[other, level]] = chance[response, category, other]
    return found


CASES = {
    "independent": (grid(4, 4), (True, True), independent),
    "coupled": (grid(4, 4), (True, True), coupled),
    "categories": (grid(4, 3), (False, True), switching),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("rows", "seed"), [(2_000, 0), (2_000, 1), (2_000, 2), (50_000, 3)])
def test_moves_are_nearer_to_the_truth_than_frequencies(name: str, rows: int, seed: int) -> None:
    places, ordered, process = CASES[name]
    truth = process(places)
    whole = (1 - RESPONSE) * truth[0] + RESPONSE * truth[1]
    counts, factors = simulate(truth, rows, seed), Factors(places, ordered)
    found = smoothed_moves(counts, factors, Axes.of(factors, 2), np.full((len(places), 2), RESPONSE))
    assert found.sum(-1) == pytest.approx(np.ones((len(places), 2)))
    assert np.abs(found - whole).sum() < 0.8 * np.abs(frequencies(counts) - whole).sum()


def test_moves_of_too_many_kinds_are_frequencies(monkeypatch: pytest.MonkeyPatch) -> None:
    places, ordered, process = CASES["independent"]
    counts, factors = simulate(process(places), 2_000, seed=0), Factors(places, ordered)
    axes, response = Axes.of(factors, 2), np.full((len(places), 2), RESPONSE)
    assert not np.array_equal(smoothed_moves(counts, factors, axes, response), frequencies(counts))
    monkeypatch.setattr(transitions, "MOST_MOVES", 3)
    assert np.array_equal(smoothed_moves(counts, factors, axes, response), frequencies(counts))


CHANCE = 0.02
"""Share of the draws in which factors may be joined by chance; the rule joins some 1 in 1,000."""


def test_what_moves_independently_is_apart_however_few_the_rows() -> None:
    joined = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cells = int(rng.integers(1, 401))
        cell = rng.integers(cells, size=1500)
        chance = rng.random((cells, 2))
        changes = (rng.random((1500, 2)) < chance[cell]).astype(np.int64)
        joined += moving_together(changes, cell, np.ones(1500, np.int64)) != [[0], [1]]
    assert joined <= CHANCE * 200


def test_what_moves_together_is_found_also_through_a_third() -> None:
    joined = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cell = rng.integers(int(rng.integers(1, 101)), size=1500)
        first, third, alone = rng.integers(0, 2, (3, 1500))
        changes = np.stack([first, alone, 2 * first + third, third], axis=1)
        found = moving_together(changes, cell, np.ones(1500, np.int64))
        assert {0, 2, 3} <= set(found[0])
        joined += found != [[0, 2, 3], [1]]
    assert joined <= CHANCE * 200


def test_times_count_as_so_many_rows() -> None:
    rng = np.random.default_rng(0)
    changes, cells = rng.integers(0, 2, (40, 2)), np.zeros(40, np.int64)
    changes[:, 1] ^= (rng.random(40) < 0.7) * (changes[:, 0] ^ changes[:, 1])
    once = np.ones(40, np.int64)
    repeated = moving_together(np.repeat(changes, 30, axis=0), np.repeat(cells, 30), np.repeat(once, 30))
    assert repeated == moving_together(changes, cells, 30 * once) == [[0, 1]]


def test_states_without_moves_stay_and_pairs_without_moves_go_as_their_state_does() -> None:
    places, _, process = CASES["independent"]
    counts = simulate(process(places), 2_000, seed=0)
    kept = counts.moves[~((counts.moves[:, 1] == 3) | ((counts.moves[:, 1] == 5) & (counts.moves[:, 2] == 1)))]
    found = frequencies(Counts(**{**vars(counts), "moves": kept}))
    assert found[3, :, 3].tolist() == [1.0, 1.0]
    assert np.array_equal(found[5, 1], found[5, 0])


def test_too_many_states() -> None:
    places, _, process = CASES["independent"]
    counts = simulate(process(places), 100, seed=0)
    wide = Counts(**{**vars(counts), "rows": np.zeros((2, 100_000, 2), np.int64)})
    with pytest.raises(ValueError, match="fewer cells"):
        frequencies(wide)
