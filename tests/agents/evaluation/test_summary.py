"""Figures and their intervals, two runs compared, and the page."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.dialogue import Plan, evaluate
from bethink.agents.evaluation.page import page, write_page
from bethink.agents.evaluation.runs import Row, Run
from bethink.agents.evaluation.summary import ALL, compare, costs, estimate, scores, so_far
from tests.agents.evaluation.small import small
from tests.agents.evaluation.test_dialogue import opened


def run_of(path, rows, **settings):
    run = Run(path, {"data": "small", "memory": "default", "what": "turns", "model": "none", **settings})
    for row in rows:
        run.add(row)
    run.close()
    return Run(path)


@settings(max_examples=40, deadline=None)  # the first call imports scipy
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 8))
def test_an_interval_holds_its_mean(values, groups):
    found = estimate(values, [str(i % groups) for i in range(len(values))])
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert found.count == len(values)
    assert found.low >= 0
    assert found.high <= 1 + 1e-9


def test_wilsons_interval_is_the_textbooks():
    found = estimate([1.0] * 9 + [0.0], ["a"] * 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.596, 0.982)
    assert estimate([1.0] * 10, ["a"] * 10).low < 0.8, "ten of ten do not prove 100 %"


def test_an_interval_covers_as_often_as_it_says():
    rng, held = np.random.default_rng(1), 0
    for _ in range(200):
        values = rng.beta(2, 2, 60)
        found = estimate(values.tolist(), [str(i) for i in range(60)])
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 200


def test_alike_questions_widen_the_interval():
    values = [float(group % 2) for group in range(10) for _ in range(30)]
    groups = [str(group) for group in range(10) for _ in range(30)]
    one, alone = estimate(values, groups), estimate(values, ["a"] * 300)
    assert one.high - one.low > 3 * (alone.high - alone.low)


def rows(values, suite="questions", score="any@10"):
    return [Row(suite, f"c{i}/0", f"c{i}", "x", {score: value}) for i, value in enumerate(values)]


def test_scores_by_kind_and_all():
    found = scores([Row("questions", "1", "a", "x", {"f1": 1.0}), Row("questions", "2", "a", "y", {"f1": 0.0})])
    assert found["questions"][ALL]["f1"].mean == 0.5
    assert found["questions"]["x"]["f1"].mean == 1


def test_means_so_far_are_those_of_the_scores():
    found = so_far([*rows([1.0, 0.0, 1.0, 1.0]), *rows([1.0], "forgetting", "gone")])
    assert found == {("questions", "any@10"): (0.75, 4), ("forgetting", "gone"): (1.0, 1)}


def test_two_runs_are_compared_on_what_they_share(tmp_path):
    first = run_of(tmp_path / "a.jsonl", rows([0.0] * 15 + [1.0] * 5))
    second = run_of(tmp_path / "b.jsonl", rows([1.0] * 18), memory="exact")
    (found,) = compare(first, second)
    assert found.difference.count == 18
    assert found.first == pytest.approx(3 / 18)
    assert found.difference.mean == pytest.approx(15 / 18)
    assert found.told_apart
    (same,) = compare(first, first)
    assert (same.difference.low, same.difference.high, same.told_apart) == (0, 0, False)


def test_runs_that_cannot_be_compared_are_refused(tmp_path):
    first = run_of(tmp_path / "a.jsonl", rows([1.0]))
    with pytest.raises(EvaluationError, match="same data"):
        compare(first, run_of(tmp_path / "b.jsonl", rows([1.0]), data="gvd"))
    with pytest.raises(EvaluationError, match="in common"):
        compare(first, run_of(tmp_path / "c.jsonl", rows([1.0], score="f1")))


def test_costs_are_sums_and_medians():
    kept = Row("remembering", "a", "a", "c", costs={"items": 4, "turns": 8, "seconds": 2, "joules": 4, "bytes": 400})
    found = costs([kept, *(Row("questions", str(i), "a", "x", costs={"recall_ms": i}) for i in range(3))])
    assert found["remember_ms_per_turn"] == 250
    assert found["bytes_per_item"] == 100
    assert found["recall_ms_median"] == 1
    assert costs([])["questions"] == 0


def test_the_page_shows_pictures_figures_and_every_question_inertly(tmp_path):
    conversations = small(tmp_path)
    done = list(evaluate(conversations, opened(), None, Plan(suites=("questions", "forgetting"))))
    done[1].detail["question"] = "<script>alert(1)</script>"
    run = run_of(tmp_path / "a.jsonl", done)
    other = run_of(tmp_path / "b.jsonl", evaluate(conversations, opened("bm25"), None, Plan()), memory="bm25")
    one = page([run])
    assert one.count("data:image/png;base64,") >= 3
    assert "<script" not in one
    assert "&lt;script&gt;" in one
    assert not re.search(r"(?:src|href)=\"(?!data:)", one), "it fetches nothing"
    both = page([run, other])
    assert "bm25, turns less default, turns" in both
    assert write_page([run], tmp_path / "page.html").read_text(encoding="utf-8") == one
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_page([run], tmp_path / "no" / "page.html")
    with pytest.raises(EvaluationError, match="no results"):
        write_page([run_of(tmp_path / "c.jsonl", [])], tmp_path / "page.html")
