"""Top-k search against sorting everything, with filters, ties and numbers that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bethink.tools.recommendation import index
from bethink.tools.recommendation.index import NOTHING, merge, search, top_k

small = st.integers(-3, 3).map(float)


@st.composite
def problems(draw):
    count, width, queries = draw(st.integers(0, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    vectors = draw(arrays(np.float32, (count, width), elements=small))
    asked = draw(arrays(np.float32, (queries, width), elements=small))
    allowed = draw(st.none() | arrays(np.bool_, count))
    exclude = draw(st.none() | st.lists(st.lists(st.integers(-2, 14)), min_size=queries, max_size=queries))
    return vectors, asked, draw(st.integers(0, 15)), allowed, exclude


def by_sorting(vectors, asked, k, allowed, exclude):
    rows = []
    for row, query in enumerate(asked):
        open_items = [
            item
            for item in range(len(vectors))
            if (allowed is None or allowed[item]) and (exclude is None or item not in exclude[row])
        ]
        ranked = sorted(open_items, key=lambda item: (-float(vectors[item] @ query), item))[:k]
        rows.append(ranked + [NOTHING] * (min(k, len(vectors)) - len(ranked)))
    return rows


@given(problems(), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_the_same_as_sorting_everything_in_blocks_of_any_size(problem, size, piece):
    vectors, asked, k, allowed, exclude = problem
    wanted = by_sorting(vectors, asked, k, allowed, exclude)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LEAST_BLOCK", 1), ("BLOCK_SCORES", 3 * size), ("PIECE", piece)):
            patch.setattr(index, name, value)
        items, scores = search(vectors, asked, k, allowed=allowed, exclude=exclude)
    assert items.tolist() == wanted
    assert scores.shape == items.shape
    for row, query in enumerate(asked):
        for item, score in zip(items[row], scores[row], strict=True):
            assert score == (-np.inf if item == NOTHING else vectors[item] @ query)
    again, same = top_k(asked @ vectors.T, k, allowed=allowed, exclude=exclude)
    assert again.tolist() == wanted
    np.testing.assert_array_equal(same, scores)


def test_many_items_and_queries_across_true_blocks(monkeypatch):
    monkeypatch.setattr(index, "BLOCK_SCORES", 1 << 14)
    rng = np.random.default_rng(0)
    vectors, asked = rng.standard_normal((20_000, 8), np.float32), rng.standard_normal((5, 8), np.float32)
    items, scores = search(vectors, asked, 50)
    wanted = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :50]
    np.testing.assert_array_equal(items, wanted)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_items_that_are_not_finite_are_never_found():
    vectors = np.ones((4, 2), np.float32)
    vectors[1, 0], vectors[2, 1] = np.nan, np.inf
    items, scores = search(vectors, np.ones(2), 4)
    assert items.tolist() == [[0, 3, NOTHING, NOTHING]]
    assert scores[0, :2].tolist() == [2.0, 2.0]
    many = np.random.default_rng(0).standard_normal((5000, 2), np.float32)
    many[::7], many[3::1000] = np.nan, np.inf
    items, _ = search(many, np.ones(2), 5)
    finite = np.isfinite(many).all(1)
    assert items[0].tolist() == np.flatnonzero(finite)[np.argsort(-many[finite].sum(1), kind="stable")[:5]].tolist()


@pytest.mark.parametrize("k", [-1, 1.5, True])
def test_k_must_be_a_number_of_items(k):
    for run in (lambda: search(np.ones((2, 2)), np.ones(2), k), lambda: top_k(np.ones((1, 2)), k)):
        with pytest.raises(ValueError, match="how many items"):
            run()


def test_what_does_not_fit_is_refused():
    vectors = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"\[N, d\] and \[q, d\]"):
        search(vectors, np.ones((1, 3)), 1)
    with pytest.raises(ValueError, match="1 of 2 queries are not finite, the first is query 1"):
        search(vectors, np.array([[1, 1], [np.nan, 1]]), 1)
    with pytest.raises(ValueError, match="a mask of 3 items"):
        search(vectors, np.ones(2), 1, allowed=[0, 1, 2])
    with pytest.raises(ValueError, match="as many lists"):
        search(vectors, np.ones(2), 1, exclude=[[0], [1]])
    with pytest.raises(ValueError, match=r"\[q, N\]"):
        top_k(np.ones(3), 1)


def test_no_item_no_query_no_k():
    assert search(np.ones((0, 2)), np.ones((3, 2)), 5)[0].shape == (3, 0)
    assert search(np.ones((4, 2)), np.ones((0, 2)), 5)[0].shape == (0, 4)
    assert search(np.ones((4, 2)), np.ones((3, 2)), 0)[0].shape == (3, 0)
    assert search(np.ones((4, 2)), np.ones(2), 10**6)[0].tolist() == [[0, 1, 2, 3]]


def test_lists_are_merged_by_reciprocal_rank():
    assert merge([[5, 7], [7, 5]], 9).tolist() == [5, 7]
    assert merge([[5, 7, NOTHING], [7]], 1).tolist() == [7]
    assert merge([[1, 2], [3]], 3, weights=[1.0, 3.0]).tolist() == [3, 1, 2]
    assert merge([], 3).tolist() == []
    with pytest.raises(ValueError, match="from 0 on"):
        merge([[1]], -1)
