from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bethink.tools.budget.arms import is_control, read_arms
from bethink.tools.findings import TableError


@pytest.mark.parametrize(
    ("cells", "labels", "actions"),
    [
        ([0, 2, 5.5, 0], ("0", "2", "5.5"), [0, 1, 2, 0]),
        (["0", "2 EUR", "€ 5,50", ""], ("0", "2", "5.5"), [0, 1, 2, -1]),
        (["none", "5", "No coupon", "10"], ("0", "5", "10"), [0, 1, 0, 2]),
        (["1.000,50", "0", "1.000,50"], ("0", "1000.5"), [1, 0, 1]),
    ],
)
def test_face_values(cells, labels, actions):
    arms = read_arms(pd.Series(cells), "coupon")
    assert (arms.labels, arms.actions.tolist(), arms.face_values) == (labels, actions, True)
    assert arms.amounts.tolist() == [float(label) for label in labels]


def test_stated_amounts_that_never_occur_are_left_out_and_told():
    arms = read_arms(pd.Series([0, 5, 5]), "amount", [2, 5, 10])
    assert arms.labels == ("0", "5")
    assert (arms.findings[0].code, arms.findings[0].numbers) == ("never_logged", {"amounts": [2.0, 10.0]})


def test_arms_by_name():
    column = pd.Series(["Womens E-Mail", "No E-Mail", "Mens E-Mail", None])
    arms = read_arms(column, "segment")
    assert arms.labels == ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    assert (arms.actions.tolist(), arms.face_values, arms.findings[0].code) == ([2, 0, 1, -1], False, "no_cost")
    priced = read_arms(column, "segment", arm_costs={"mens e-mail": 0.3, "Womens E-Mail": 0.1})
    assert (priced.labels[1:], priced.amounts.tolist()) == (("Womens E-Mail", "Mens E-Mail"), [0, 0.1, 0.3])
    assert not priced.findings


def test_treatment_of_0_and_1_is_no_money_unless_amounts_are_stated():
    column = pd.Series(["1", "0", "1"])
    assert not read_arms(column, "treatment").face_values
    assert not read_arms(pd.Series([True, False]), "coupon").face_values
    assert read_arms(column, "treatment").actions.tolist() == [1, 0, 1]
    assert read_arms(column, "amount").face_values
    assert read_arms(column, "treatment", [0, 1]).amounts.tolist() == [0, 1]
    assert read_arms(column, "treatment", arm_costs={"1": 0.5}).amounts.tolist() == [0, 0.5]


def test_the_arm_that_costs_nothing_is_the_control():
    arms = read_arms(pd.Series(["A", "B", "C"]), "variant", arm_costs={"A": 2, "B": 0, "C": 1})
    assert (arms.labels, arms.amounts.tolist()) == (("B", "C", "A"), [0, 1, 2])
    numbers = read_arms(pd.Series(["10", "2", "0"]), "item", arm_costs={"2": 1, "10": 1})
    assert numbers.labels == ("0", "2", "10")


@pytest.mark.parametrize(
    ("cells", "options", "code"),
    [
        ([2, 5], {}, "no_control"),
        (["2", "", "5"], {}, "no_control"),
        (["A", "B"], {}, "no_control"),
        (["none", "control", "B"], {}, "no_control"),
        ([0, -5], {}, "negative_amount"),
        ([0, 5], {"amounts": [0, -1]}, "negative_amount"),
        ([0, 5], {"amounts": [0, np.nan]}, "negative_amount"),
        ([0, 5, 7], {"amounts": [0, 5]}, "unknown_amount"),
        (["0", "five"], {"amounts": [0, 5]}, "unknown_amount"),
        (list(range(60)), {}, "too_many_amounts"),
        ([f"arm {i}" for i in range(60)], {}, "too_many_amounts"),
        (["", "NA"], {}, "no_amounts"),
        (["A", "none"], {"arm_costs": {"B": 1}}, "arm_costs"),
        (["A", "none"], {"arm_costs": {"A": -1}}, "arm_costs"),
        (["A", "none"], {"arm_costs": {"A": float("nan")}}, "arm_costs"),
        (["A", "B", "none"], {"arm_costs": {"A": 1}}, "arm_costs"),
        (["A", "none"], {"arm_costs": {"A": 1, "none": 2}}, "arm_costs"),
        (["0", "1.5", "2,5"], {}, "mixed_decimals"),
    ],
)
def test_refusals(cells, options, code):
    with pytest.raises(TableError) as error:
        read_arms(pd.Series(cells), "coupon", **options)
    assert error.value.code == code
    assert error.value.hint


def test_empty_cells_where_no_coupon_may_be_meant_are_pointed_at():
    with pytest.raises(TableError) as error:
        read_arms(pd.Series(["2", "", "5", ""]), "coupon")
    assert error.value.hint.startswith("2 cells of the column are empty")


def test_names_of_controls():
    assert all(
        map(is_control, ("No E-Mail", "none", "CONTROL", "control group", "holdout", "no", "Without coupon", "0"))
    )
    assert not any(map(is_control, ("Nordic", "note", "E-Mail", "5", "0.5", "controller offer", "")))
