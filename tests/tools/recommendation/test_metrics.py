"""Measures against scikit-learn, against loops over pairs, and on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import ndcg_score, roc_auc_score

from bethink.tools.recommendation.metrics import (
    OneClassError,
    auc,
    expected_calibration_error,
    gauc,
    log_loss,
    ndcg_at_k,
    recall_at_k,
)

pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=60)
"""Few distinct scores: many ties."""


def both_classes(rows: list) -> bool:
    return len({label for label, *_ in rows}) == 2


@given(pairs.filter(both_classes))
@settings(deadline=None)
def test_auc_is_sklearns_with_ties(rows):
    labels, scores = np.array(rows).T
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(pairs.filter(both_classes))
@settings(deadline=None)
def test_auc_of_opposite_scores_is_the_rest_and_order_is_all_that_counts(rows):
    labels, scores = np.array(rows).T
    assert auc(labels, scores) + auc(labels, -scores) == pytest.approx(1)
    assert auc(labels, np.exp(scores)) == pytest.approx(auc(labels, scores))


def test_auc_of_many_samples_is_sklearns():
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 50_000), generator.normal(size=50_000).astype(np.float32)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3), st.sampled_from("abcd")), min_size=1, max_size=80))
@settings(deadline=None)
def test_gauc_is_the_mean_of_users_aucs_by_their_samples(rows):
    labels, scores, users = (np.array(part) for part in zip(*rows, strict=True))
    parts = [users == user for user in set(users.tolist()) if len(set(labels[users == user].tolist())) == 2]
    if not parts:
        with pytest.raises(OneClassError, match="both labels"):
            gauc(users, labels, scores)
        return
    expected = np.average([roc_auc_score(labels[p], scores[p]) for p in parts], weights=[p.sum() for p in parts])
    assert gauc(users, labels, scores) == pytest.approx(expected, abs=1e-12)


def test_gauc_does_not_see_which_user_clicks_more():
    """User a clicks often and scores high: AUC is above one half, within users nothing is told apart."""
    users, labels, scores = ["a"] * 4 + ["b"] * 4, [1, 1, 1, 0, 1, 0, 0, 0], [2] * 4 + [1] * 4
    assert gauc(users, labels, scores) == 0.5
    assert auc(labels, scores) == 0.75


probabilities = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


@given(probabilities)
@settings(deadline=None)
def test_log_loss_is_sklearns(rows):
    labels, chances = (np.array(part) for part in zip(*rows, strict=True))
    assert log_loss(labels, chances) == pytest.approx(sklearn_log_loss(labels, chances, labels=[0, 1]), rel=1e-9)


@given(probabilities, st.integers(1, 20))
@settings(deadline=None)
def test_calibration_error_is_the_sum_over_bins(rows, bins):
    labels, chances = (np.array(part) for part in zip(*rows, strict=True))
    expected = 0.0
    for number in range(bins):
        inside = (chances * bins >= number) & ((chances * bins < number + 1) | (number == bins - 1))
        if inside.any():
            expected += inside.mean() * abs(labels[inside].mean() - chances[inside].mean())
    assert expected_calibration_error(labels, chances, bins) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_of_known_forecasts():
    assert expected_calibration_error([0, 1, 0, 1], [0.5] * 4) == 0
    assert expected_calibration_error([0, 0, 1, 1], [0.05, 0.05, 0.95, 0.95]) == pytest.approx(0.05)
    assert expected_calibration_error([0, 0], [1.0, 1.0]) == 1
    generator = np.random.default_rng(1)
    chances = generator.random(200_000)
    labels = generator.random(200_000) < chances
    assert expected_calibration_error(labels, chances) < 0.006
    assert expected_calibration_error(labels, np.sqrt(chances)) > 0.1


lists = (
    st.integers(1, 6)
    .flatmap(
        lambda rows: st.tuples(
            st.lists(st.permutations(range(8)), min_size=rows, max_size=rows),
            st.lists(st.sets(st.integers(0, 7)), min_size=rows, max_size=rows),
            st.integers(1, 8),
        )
    )
    .filter(lambda case: any(case[1]))
)


@given(lists)
@settings(deadline=None)
def test_recall_counts_relevant_items_among_the_first_k(case):
    ranked, relevant, k = case
    expected = [
        len(set(row[:k]) & wanted) / len(wanted) for row, wanted in zip(ranked, relevant, strict=True) if wanted
    ]
    assert recall_at_k(ranked, [sorted(wanted) for wanted in relevant], k) == pytest.approx(np.mean(expected))


@given(lists)
@settings(deadline=None)
def test_ndcg_is_sklearns(case):
    ranked, relevant, k = case
    kept = [(row, wanted) for row, wanted in zip(ranked, relevant, strict=True) if wanted]
    truth = [[int(item in wanted) for item in range(8)] for _, wanted in kept]
    scores = [[-row.index(item) for item in range(8)] for row, _ in kept]
    found = ndcg_at_k(ranked, [sorted(wanted) for wanted in relevant], k)
    assert found == pytest.approx(ndcg_score(truth, scores, k=k))


def test_lists_may_be_filled_up_and_repeats_count_once():
    assert recall_at_k([[4, -1, -1], [-1, -1, -1]], [[4, 4, 2], [2]], 3) == pytest.approx(0.25)
    assert ndcg_at_k([[9, 4, -1]], [[4, 4]], 3) == pytest.approx(1 / np.log2(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: auc([1, 1], [0.1, 0.2]), "All 2 labels are 1"),
        (lambda: auc([0, 0], [0.1, 0.2]), "All 2 labels are 0"),
        (lambda: auc([], []), "no sample"),
        (lambda: auc([0, 1], [0.1]), "shape"),
        (lambda: auc([[0, 1]], [[0.1, 0.2]]), "shape"),
        (lambda: auc([0, 2], [0.1, 0.2]), "0 or 1"),
        (lambda: auc([0, np.nan], [0.1, 0.2]), "0 or 1"),
        (lambda: auc([0, 1], [np.nan, 0.2]), "1 of 2 scores are not finite"),
        (lambda: auc([0, 1], [np.inf, 0.2]), "not finite"),
        (lambda: gauc(["a"], [0, 1], [0.1, 0.2]), "as many users"),
        (lambda: gauc(["a", "b"], [0, 1], [0.1, 0.2]), "None of 2 users"),
        (lambda: log_loss([0, 1], [0.1, 1.2]), "within 0..1"),
        (lambda: expected_calibration_error([0, 1], [-0.1, 0.2]), "within 0..1"),
        (lambda: expected_calibration_error([0], [0.1], 0), "0 bins"),
        (lambda: recall_at_k([[1, 2]], [[1]], 0), "k = 0"),
        (lambda: recall_at_k([[1, 2]], [[1]], 3), "have 2 items"),
        (lambda: recall_at_k([[1, 1]], [[1]], 2), "twice"),
        (lambda: recall_at_k([[0.5, 1]], [[1]], 2), "whole numbers"),
        (lambda: recall_at_k([[1, 2]], [[1], [2]], 2), "as many sets"),
        (lambda: ndcg_at_k([[1, 2]], [[]], 2), "nothing to find"),
        (lambda: ndcg_at_k([[1, 2]], [[-1]], 2), "from 0 on"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
