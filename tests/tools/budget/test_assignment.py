import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget import assignment
from bethink.tools.budget.assignment import component, draw

salts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16)
ids = st.one_of(st.integers(-(2**80), 2**80), st.text(st.characters(codec="utf-8"), max_size=20))


@pytest.mark.parametrize(
    ("user_id", "drawn"),
    [
        (1001, 0.9827573274612316),
        (1002, 0.25435000972439525),
        (0, 0.4414776286539719),
        (-5, 0.8116475442754623),
        ("Zoë", 0.1795092461047506),
        ("", 0.25249255294276507),
    ],
)
def test_golden_values(user_id, drawn):
    assert draw([user_id], "spring-2026").tolist() == [drawn]


@settings(deadline=None)
@given(st.lists(ids, max_size=20), salts)
def test_a_draw_can_be_repeated_by_hand(user_ids, salt):
    def by_hand(user_id):
        digest = hashlib.blake2b(str(user_id).encode(), key=salt.encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    assert draw(user_ids, salt).tolist() == [by_hand(user_id) for user_id in user_ids]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), salts)
def test_numbers_and_their_texts_are_the_same_user(numbers, salt):
    expected = draw(numbers, salt).tolist()
    words = [str(number) for number in numbers]
    same = [np.array(numbers), words, np.array(words), np.array(words, object), [word.encode() for word in words]]
    same += [list(np.array(numbers)), np.array(words, np.dtypes.StringDType())]
    for form in same:
        assert draw(form, salt).tolist() == expected


@settings(deadline=None)
@given(st.lists(ids, max_size=30, unique_by=str), salts, st.randoms())
def test_a_draw_does_not_depend_on_who_else_is_there(user_ids, salt, random):
    alone = {user_id: draw([user_id], salt)[0] for user_id in user_ids}
    random.shuffle(user_ids)
    assert draw(user_ids, salt).tolist() == [alone[user_id] for user_id in user_ids]


def test_tables_of_other_packages_give_ids_too():
    import pandas as pd
    import pyarrow as pa

    expected = draw([7, 11], "s").tolist()
    for form in (pd.Series([7, 11]), pd.Series(["7", "11"]), pa.array(["7", "11"]), pa.chunked_array([[7], [11]])):
        assert draw(form, "s").tolist() == expected


@settings(max_examples=25, deadline=None)
@given(salts, st.integers(0, 2**40), st.sampled_from([1, 7, 1000]))
def test_uniform_whatever_the_salt_and_the_pattern_of_the_ids(salt, first, stride):
    from scipy.stats import kstest

    drawn = draw(np.arange(first, first + 20_000 * stride, stride), salt)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert kstest(drawn, "uniform").pvalue > 1e-7


def test_salts_give_independent_draws():
    numbers = np.arange(100_000)
    correlation = np.corrcoef(draw(numbers, "campaign-1"), draw(numbers, "campaign-2"))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(numbers))


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any), st.integers(0, 10**6))
def test_components_come_with_their_weights_and_never_without(parts, first):
    weights = np.array(parts) / sum(parts)
    drawn = component(np.arange(first, first + 4_000), weights, "s")
    counts = np.bincount(drawn, minlength=len(weights))
    assert len(counts) == len(weights)
    assert (counts[weights == 0] == 0).all()
    assert (np.abs(counts / 4_000 - weights) <= 6 * np.sqrt(weights * (1 - weights) / 4_000)).all()


def test_rounding_of_the_weights_never_draws_a_component_without_weight(monkeypatch):
    monkeypatch.setattr(assignment, "draw", lambda user_ids, salt: np.array([0.0, 1 - 1e-9, 1 - 2**-53]))
    assert component([1, 2, 3], [0.0, 0.6, 0.4 - 9e-9, 0.0], "s").tolist() == [1, 2, 2]


def test_only_users_at_a_moved_border_change():
    numbers = np.arange(50_000)
    before, after = component(numbers, [0.5, 0.3, 0.2], "s"), component(numbers, [0.52, 0.28, 0.2], "s")
    moved = before != after
    assert set(before[moved]) == {1}
    assert set(after[moved]) == {0}
    assert moved.mean() == pytest.approx(0.02, abs=0.003)


@pytest.mark.parametrize("user_ids", [[1.0], np.array([1.0, np.nan]), [True], np.array([True]), [None], ["1", None]])
def test_ids_that_are_no_numbers_or_texts_are_refused(user_ids):
    with pytest.raises(TypeError, match="whole numbers or texts"):
        draw(user_ids, "s")


@pytest.mark.parametrize(("user_ids", "message"), [(np.ones((2, 2), int), "one-dimensional"), (["\ud800"], "Unicode")])
def test_bad_shapes_and_broken_texts_are_refused(user_ids, message):
    with pytest.raises(ValueError, match=message):
        draw(user_ids, "s")


def test_one_text_is_no_list_of_ids():
    with pytest.raises(TypeError, match="A list"):
        draw("1001", "s")


@pytest.mark.parametrize("salt", ["", "s" * 65, "ë" * 33])
def test_salts_that_are_no_key_are_refused(salt):
    with pytest.raises(ValueError, match="1 to 64"):
        draw([1], salt)


@pytest.mark.parametrize("weights", [[], [0.5, 0.6], [1.5, -0.5], [np.nan, 1.0], [[1.0]], [0.0]])
def test_weights_that_are_no_probabilities_are_refused(weights):
    with pytest.raises(ValueError, match="Weights"):
        component([1], weights, "s")


def test_nobody():
    assert draw([], "s").dtype == np.float64
    assert component([], [0.5, 0.5], "s").dtype == np.int64
    assert len(component(np.array([], np.int64), [1.0], "s")) == 0
