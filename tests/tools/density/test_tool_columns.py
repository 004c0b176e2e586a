"""What of a table is fitted, and that generated rows have again what was left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.density.tool_columns import layout_of, steps_of
from bethink.tools.tables import TableFileError

chance = np.random.default_rng(0)


def test_constants_and_columns_that_follow_are_left_out_and_put_back():
    a, b = chance.normal(size=(2, 300))
    rows = np.stack([a, np.full(300, 7.0), a, b, 1.8 * b + 32, a - 2 * b + 1], 1)
    layout = layout_of(tuple("acdbfg"), rows)
    assert layout.names == ("a", "b")
    np.testing.assert_allclose(layout.restore(layout.to_fit(rows)), rows, atol=1e-9)
    said = " ".join(layout.notes)
    assert "'c' is always 7" in said
    assert "'d' equals 'a'" in said
    assert "'f' is 1.8 times 'b' plus 32" in said
    assert "'g' is a linear combination of 'a' and 'b'" in said


def test_a_column_in_single_precision_follows_too_and_a_noisy_one_does_not():
    a = chance.normal(size=200)
    rows = np.stack([a, (1.8 * a + 32).astype(np.float32), a + 1e-4 * chance.normal(size=200)], 1)
    layout = layout_of(("a", "b", "c"), rows)
    assert layout.names == ("a", "c")


def test_what_differs_in_a_single_row_is_no_copy():
    a = chance.normal(size=20_000)
    b = a.copy()
    b[13] += 1
    assert layout_of(("a", "b"), np.stack([a, b], 1)).names == ("a", "b")


def test_whole_numbers_get_noise_within_the_step_and_lose_it_again():
    rows = np.stack([chance.integers(0, 5, 500), chance.choice([0.0, 0.5, 4.0], 500), chance.normal(size=500)], 1)
    layout = layout_of(("count", "level", "free"), rows)
    assert set(layout.steps) == {0, 1}
    noisy = layout.to_fit(rows, np.random.default_rng(1))
    moved = np.abs(noisy - rows)
    assert 0.4 < moved[:, 0].max() <= 0.5
    assert 0.2 < moved[:, 1].max() <= 0.25
    assert (moved[:, 2] == 0).all()
    np.testing.assert_array_equal(layout.restore(noisy), rows)
    beyond = layout.restore(np.array([[9.7, -3.0, 0.0]]))
    assert beyond.tolist() == [[4, 0, 0]]
    assert "'count' (5 values) and 'level' (3 values) repeat their values" in layout.notes[0]


def test_continuous_columns_are_not_taken_for_steps():
    assert steps_of(chance.normal(size=1000)) is None
    assert steps_of(np.round(chance.normal(size=50), 3)) is None
    assert steps_of(np.array([0.0, 1.0] * 10)) is not None


def test_a_spike_among_other_values_is_named():
    rain = np.where(chance.random(2000) < 0.6, 0.0, chance.gamma(2, 3, 2000))
    layout = layout_of(("rain", "x"), np.stack([rain, chance.normal(size=2000)], 1))
    assert any("have 0 in column 'rain'" in note for note in layout.notes)
    assert layout.steps[0].width == pytest.approx(1e-3 * rain.std())


def test_a_table_that_says_nothing_is_refused():
    with pytest.raises(TableFileError, match="one value only"):
        layout_of(("a",), np.ones((30, 1)))
    with pytest.raises(TableFileError, match="spreads over") as caught:
        layout_of(("a",), 1e15 + (np.arange(30) % 2)[:, None] * 0.125)
    assert caught.value.hint


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), copies=st.integers(0, 3), scale=st.floats(1e-6, 1e6))
def test_restoring_what_was_fitted_gives_the_rows_again(seed, copies, scale):
    dice = np.random.default_rng(seed)
    base = scale * dice.normal(size=(60, 3)) + dice.normal(size=3)
    mixes = base @ dice.normal(size=(3, copies)) + dice.normal(size=copies)
    whole = dice.integers(0, 4, (60, 1)).astype(float)
    rows = np.hstack([base, mixes, whole])[:, dice.permutation(4 + copies)]
    layout = layout_of(tuple(f"c{i}" for i in range(rows.shape[1])), rows)
    assert len(layout.fitted) == 4
    noisy = layout.to_fit(rows, dice)
    assert (np.abs(layout.restore(noisy) - rows) <= 1e-5 * (np.abs(rows).max(0) + rows.std(0))).all()
    np.testing.assert_allclose(layout.to_fit(layout.restore(layout.to_fit(rows))), layout.to_fit(rows), rtol=1e-12)
