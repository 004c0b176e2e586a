"""A fit for the density alone."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.tools.density import DiffusionDensity


def quick(labels: int) -> DiffusionDensity:
    return DiffusionDensity(labels=labels, network_steps=20, ode_steps=8, hidden=(16,), clusters=2, random_state=0)


def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 2))


def test_without_labels_there_is_a_density_and_no_network():
    plain, whole = quick(0).fit(rows()), quick(200).fit(rows())
    np.testing.assert_array_equal(plain.log_prob(rows()), whole.log_prob(rows()))
    assert plain.network_ is None
    assert plain.sample_smoothed(3, random_state=0).shape == (3, 2)
    with pytest.raises(ValueError, match="labels=0"):
        plain.sample(3)
