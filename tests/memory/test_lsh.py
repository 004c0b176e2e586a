from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bethink.memory.lsh import AngularLSH

BUCKETS = st.sampled_from([2, 4, 16, 64])
VECTORS = hnp.arrays(np.float32, (12,), elements=st.floats(-100, 100, width=32)).filter(
    lambda x: np.abs(x).max() > 1e-3
)


@given(VECTORS, BUCKETS, st.floats(1e-3, 1e3))
def test_scaling_keeps_the_bucket(x, b, c):
    lsh = AngularLSH(12, b, seed=3)
    assert lsh.hash(np.float32(c) * x) == lsh.hash(x)


@given(VECTORS, BUCKETS)
def test_the_opposite_vector_falls_in_the_opposite_bucket(x, b):
    lsh = AngularLSH(12, b, n_tables=3, seed=3)
    np.testing.assert_array_equal(lsh.hash(-x), (lsh.hash(x) + b // 2) % b)


@given(VECTORS, BUCKETS)
def test_the_hash_is_equation_1(x, b):
    lsh = AngularLSH(12, b, seed=5)
    projected = (x / np.abs(x).max()) @ lsh.R[0]
    assert lsh.hash(x)[0, 0] == np.argmax(np.concatenate([projected, -projected]))


@given(VECTORS, st.integers(1, 16))
def test_probes_start_at_the_bucket_and_never_repeat(x, n):
    lsh = AngularLSH(12, 16, n_tables=2, n_probes=n)
    probes = lsh.probe(x)
    assert probes.shape == (1, 2, n)
    np.testing.assert_array_equal(probes[:, :, 0], lsh.hash(x))
    assert all(len(set(table)) == n for table in probes[0])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([8, 16, 64]))
def test_nearer_vectors_collide_more(seed, b):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((4000, 48))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    other = rng.standard_normal(x.shape)
    other -= (other * x).sum(axis=1, keepdims=True) * x
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    lsh = AngularLSH(48, b, seed=seed)
    rates = [
        float((lsh.hash(x) == lsh.hash(cos * x + np.sqrt(1 - cos**2) * other)).mean())
        for cos in (-0.5, 0.0, 0.5, 0.8, 0.95)
    ]
    assert rates == sorted(rates)
    assert rates[1] == pytest.approx(1 / b, abs=0.03)  # orthogonal vectors meet by chance alone


def test_two_unit_vectors_at_cosine_half_meet_less_than_the_leading_term_says():
    # ln(1/p) = t^2 / (4 - t^2) ln(b/2) + O(ln ln b): p is below (b/2)^(-1/3) at t = 1.
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20000, 64))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    other = rng.standard_normal(x.shape)
    other -= (other * x).sum(axis=1, keepdims=True) * x
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    lsh = AngularLSH(64, 64)
    p = float((lsh.hash(x) == lsh.hash(0.5 * x + np.sqrt(0.75) * other)).mean())
    assert 2 / 64 < p < 32 ** (-1 / 3)


@pytest.mark.parametrize("b", [-2, 0, 1, 3, 17])
def test_odd_or_too_few_buckets_are_refused(b):
    with pytest.raises(ValueError, match="even and at least 2"):
        AngularLSH(8, b)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros(8), "all zeros"),
        (np.full(8, np.nan), "NaN"),
        (np.array([1, np.inf] + [0] * 6), "NaN or infinity"),
        (np.ones(7), "length 8"),
        (np.ones((2, 2, 8)), "length 8"),
    ],
)
def test_bad_vectors_are_refused(x, said):
    with pytest.raises(ValueError, match=said):
        AngularLSH(8).hash(x)


def test_saved_and_loaded_it_gives_the_same_buckets(tmp_path):
    x = np.random.default_rng(1).standard_normal((500, 32))
    lsh = AngularLSH(32, 64, n_tables=2, n_probes=4, seed=7)
    lsh.R += 0.25  # what is on disk counts, not the seed
    lsh.save(tmp_path / "hash")
    again = AngularLSH.load(tmp_path / "hash")
    np.testing.assert_array_equal(again.hash(x), lsh.hash(x))
    np.testing.assert_array_equal(again.probe(x), lsh.probe(x))


def test_files_that_do_not_fit_are_refused(tmp_path):
    AngularLSH(32, 64).save(tmp_path)
    np.save(tmp_path / "lsh.npy", np.ones((1, 32, 8), np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        AngularLSH.load(tmp_path)
