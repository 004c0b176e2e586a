from __future__ import annotations

import numpy as np
import pytest

from bethink.memory.index import VectorIndex
from bethink.memory.lsh import AngularLSH


def test_cosines_are_exact_through_growth():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 16))
    index = VectorIndex(AngularLSH(16))
    for start in range(0, 500, 7):
        index.append(rows[start : start + 7])
    query = rng.standard_normal(16)
    exact = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    np.testing.assert_allclose(index.cosine(query), exact, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(index.vectors([0, 499]), axis=1), 1, atol=1e-6)


def test_hashed_recall_is_the_bucket_and_nothing_else():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((400, 16))
    index = VectorIndex(AngularLSH(16, 16))
    codes = index.append(rows)
    for query in rng.standard_normal((20, 16)):
        np.testing.assert_array_equal(index.in_bucket(query), codes[:, 0] == index.lsh.hash(query)[0, 0])


def test_more_tables_and_probes_only_add():
    rng = np.random.default_rng(2)
    rows, query = rng.standard_normal((300, 16)), rng.standard_normal(16)
    one = VectorIndex(AngularLSH(16, 16))
    many = VectorIndex(AngularLSH(16, 16, n_probes=4))
    one.append(rows)
    many.append(rows)
    assert (many.in_bucket(query) >= one.in_bucket(query)).all()
    assert many.in_bucket(query).sum() > one.in_bucket(query).sum()


@pytest.mark.parametrize("bad", [np.zeros(16), np.full(16, np.nan), np.ones(15)])
def test_bad_vectors_leave_the_index_as_it_was(bad):
    index = VectorIndex(AngularLSH(16))
    with pytest.raises(ValueError, match=r"zeros|NaN|length"):
        index.append(bad)
    assert index.size == 0
