"""``estimate_density``: its answers on toys and files, what it refuses and when, and that its words match its fields."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bethink.tools import all_tools, find_tool
from bethink.tools.contract import ToolContext, ToolError, call_tool
from bethink.tools.density import tool_limits
from bethink.tools.density.estimator import DiffusionDensity
from bethink.tools.density.tool import ToyName, estimate_density
from bethink.tools.density.tool_limits import MAX_SECONDS, plan_for, refuse_if_too_big, refuse_if_too_slow
from bethink.tools.density.tool_ranking import cross_fitted
from bethink.tools.density.toys import TOY_NAMES
from bethink.tools.langchain import model_text


@pytest.fixture(scope="module", autouse=True)
def quick_net():
    """Less training than a user gets: what is tested here does not depend on how long the net learns."""
    patch = pytest.MonkeyPatch()
    patch.setattr(tool_limits, "NET_SECONDS", 0.5)
    patch.setattr(tool_limits, "LABELS", 1_000)
    yield
    patch.undo()


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def call(uploads: Path, **arguments: object):
    return call_tool(estimate_density, arguments, ToolContext(uploads.parent / "out", uploads=uploads))


def write(path: Path, columns: str, values: np.ndarray, form: str = "%.6g") -> None:
    np.savetxt(path, values, delimiter=",", header=columns, comments="", fmt=form)


def bent(rows: int, seed: int = 0) -> np.ndarray:
    """Three columns: a parabola with noise, and a column of its own."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=rows)
    return np.stack([x, x**2 + 0.2 * chance.normal(size=rows), 50 + 10 * chance.normal(size=rows)], 1)


def numbers_in(data: Any) -> set[float]:
    if isinstance(data, dict):
        return set().union(*map(numbers_in, data.values()), set())
    if isinstance(data, list):
        return set().union(*map(numbers_in, data), set())
    return {abs(float(data))} if isinstance(data, int | float) and not isinstance(data, bool) else set()


def assert_its_numbers_stand_elsewhere(output: dict[str, Any]) -> None:
    known = numbers_in({key: value for key, value in output.items() if key not in ("summary", "notes", "plots")})
    known |= {0.0, 1.0}  # "near 1 is good, 0 is copying"
    said = output["summary"].replace(output["source"], "")
    for name in output["columns"]:
        said = said.replace(name, "")
    for number in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", said):
        assert float(number) in known, number


def rows_of(path: str) -> tuple[list[str], np.ndarray]:
    with Path(path).open(newline="") as file:
        names, *rows = csv.reader(file)
    return names, np.array(rows, dtype=float)


def test_a_toy_is_learnt_better_than_a_gaussian_can(tmp_path):
    result = call_tool(estimate_density, {"rows": 3000}, ToolContext(tmp_path / "out"))
    assert result.ok, result.error
    out = result.output
    ours, plain = out["log_likelihood"], out["gaussian_log_likelihood"]
    assert ours["low"] < ours["mean"] < ours["high"]
    assert ours["mean"] > plain["mean"] + 0.4
    assert out["gain"]["low"] > 0.3
    assert "not Gaussian" in out["summary"]
    assert (out["rows"], out["train"], out["held_out"], out["dropped"]) == (3000, 2400, 600, 0)
    assert out["quality"]["energy_distance"] < 0.05
    assert 0.5 < out["quality"]["memorisation_ratio"] < 2
    assert [row["log_density"] for row in out["odd"]] == sorted(row["log_density"] for row in out["odd"])
    assert_its_numbers_stand_elsewhere(out)
    for plot in out["plots"]:
        assert Path(plot["path"]).read_bytes().startswith(b"\x89PNG")
        assert plot["alt"]
        assert plot["title"]
    names, made = rows_of(out["files"][0]["path"])
    assert names == ["x", "y"]
    assert made.shape == (1000, 2)
    assert len(model_text(result)) < 3500
    assert str(tmp_path) not in model_text(result)


def test_an_odd_row_is_found_where_it_stands_in_the_file(uploads):
    values = bent(1500)
    values[123] = [2.0, -3.0, 50.0]  # usual in each column, far from the parabola
    values[200] = [0.0, 0.1, 500.0]
    write(uploads / "bent.csv", "a,b,far column", values)
    out = call(uploads, upload="bent.csv", odd_rows=3).output
    rows = {row["row"]: row for row in out["odd"]}
    assert list(rows)[:2] == [201, 124]
    assert rows[201]["column"] == "far column"
    assert rows[201]["sds"] == pytest.approx(45, rel=0.2)
    assert rows[201]["line"] == 202
    assert rows[124]["values"] == {"a": 2.0, "b": -3.0, "far column": 50.0}
    assert_its_numbers_stand_elsewhere(out)
    names, ranked = rows_of(out["files"][1]["path"])
    assert names == ["row", "line", "log_density"]
    assert ranked[:3, 0].tolist() == [row["row"] for row in out["odd"]]
    assert sorted(ranked[:, 0]) == list(range(1, 1501))
    assert (np.diff(ranked[:, 2]) >= 0).all()


def test_rows_are_ranked_by_what_was_learnt_without_them():
    values = bent(1500)
    values[123], values[200] = [2.0, -3.0, 50.0], [0.0, 0.1, 500.0]
    model = DiffusionDensity(labels=20, network_steps=2, random_state=0).fit(values)
    ranked = cross_fitted(model, values, values, None, 4000, 0, lambda share, message: None)
    assert np.argsort(ranked)[:2].tolist() == [200, 123]
    # usual rows are as likely as under the density of all
    assert np.median(ranked) == pytest.approx(np.median(model.log_prob(values)), abs=0.2)


def test_rows_that_nothing_can_be_learnt_from_are_ranked_by_the_whole():
    values = np.repeat(np.random.default_rng(0).normal(size=(12, 2)), 4, 0)
    values += 1e-3 * np.random.default_rng(1).normal(size=values.shape)
    model = DiffusionDensity(labels=20, network_steps=2, random_state=0).fit(values)
    same = values[:, :1] * np.ones((1, 2))  # both columns tell the same: no part can be fitted
    ranked = cross_fitted(model, same, values, None, 4000, 0, lambda share, message: None)
    np.testing.assert_allclose(ranked, model.log_prob(values))


def test_what_was_left_out_is_in_the_generated_rows_and_in_the_notes(uploads):
    chance, values = np.random.default_rng(1), bent(300)
    whole = chance.integers(0, 3, 300)
    table = np.column_stack([values, np.full(300, 7), 2 * values[:, 0], whole])
    write(uploads / "t.csv", "a,b,c,always,twice,whole", table, "%.8g")
    out = call(uploads, upload="t.csv", generate=500).output
    names, made = rows_of(out["files"][0]["path"])
    assert names == ["a", "b", "c", "always", "twice", "whole"]
    assert (made[:, 3] == 7).all()
    np.testing.assert_allclose(made[:, 4], 2 * made[:, 0], atol=1e-4)
    assert set(made[:, 5]) == {0, 1, 2}
    assert (out["column_count"], out["fitted_columns"]) == (6, 4)
    said = " ".join(out["notes"])
    assert "'always' is always 7" in said
    assert "'twice' is 2 times 'a'" in said
    assert "'whole' (3 values)" in said


@pytest.mark.parametrize("columns", [1, 2, 5, 8])
def test_tables_of_any_width(uploads, columns):
    chance = np.random.default_rng(columns)
    write(uploads / "t.csv", ",".join(f"c{i}" for i in range(columns)), chance.normal(size=(150, columns)))
    out = call(uploads, upload="t.csv", generate=50).output
    assert out["fitted_columns"] == columns
    assert len(out["plots"]) == 2
    assert any("first 6 columns" in note for note in out["notes"]) == (columns > 6)
    assert_its_numbers_stand_elsewhere(out)


def test_rows_are_generated_for_given_values(uploads):
    values = bent(1500)
    write(uploads / "t.csv", "a,b,c", values)
    out = call(uploads, upload="t.csv", given={"a": 1.5}, generate=400).output
    _, made = rows_of(out["files"][0]["path"])
    assert (made[:, 0] == 1.5).all()
    assert np.median(made[:, 1]) == pytest.approx(1.5**2, abs=0.5)
    assert np.median(made[:, 2]) == pytest.approx(50, abs=5)
    assert "given a = 1.5" in out["summary"]
    # the parabola given a is nearly a line for no Gaussian
    assert out["gain"]["mean"] > 0.3
    assert_its_numbers_stand_elsewhere(out)


def test_rows_with_gaps_are_counted(uploads):
    write(uploads / "t.csv", "a,b,c", bent(60))
    path = uploads / "t.csv"
    path.write_text(path.read_text() + "1,,2\n,,3\n")
    out = call(uploads, upload="t.csv").output
    assert (out["rows"], out["dropped"]) == (60, 2)


def test_the_same_seed_gives_the_same_split_and_data(tmp_path):
    first, second, third = (
        call_tool(estimate_density, {"rows": 200, "seed": seed}, ToolContext(tmp_path)).output for seed in (3, 3, 4)
    )
    assert first["gaussian_log_likelihood"] == second["gaussian_log_likelihood"] != third["gaussian_log_likelihood"]
    assert first["log_likelihood"]["mean"] == pytest.approx(second["log_likelihood"]["mean"], abs=1e-3)


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("a,b\n" + "1,rain\n" * 30, {}, "'b' holds text"),
        ("a,b\n" + "1,2\n" * 3, {}, "3 rows"),
        ("", {}, "empty"),
        ("a,b\n" + "1,2\n" * 30, {}, "one value only"),
        ("a,b\n" + "1,inf\n" * 30, {}, "infinite in row 1 (line 2)"),
        ("a,b\n" + "1,2\n" * 30, {"columns": ["c"]}, "no column 'c'"),
        (",".join(f"c{i}" for i in range(300)) + "\n", {}, "300 columns; 200"),
    ],
)
def test_bad_files_are_refused_with_what_is_wrong(uploads, content, arguments, words):
    (uploads / "t.csv").write_text(content)
    error = call(uploads, upload="t.csv", **arguments).error
    assert error["code"] == "invalid_input"
    assert words in error["message"]
    assert error["hint"]
    assert str(uploads) not in error["message"] + error["hint"]
    assert not (uploads.parent / "out").exists()


def test_bad_requests_are_refused_with_a_hint(uploads):
    write(uploads / "t.csv", "a,b,c", bent(50))
    write(uploads / "flat.csv", ",".join(f"c{i}" for i in range(15)), np.random.default_rng(0).normal(size=(25, 15)))
    for arguments, words in (
        ({"upload": "../t.csv"}, "not a plain file name"),
        ({"columns": ["a"]}, "toy has the columns x and y"),
        ({"upload": "t.csv", "given": {"d": 1}}, "'d' is not there"),
        ({"upload": "t.csv", "given": {"a": 99}}, "99 was given"),
        ({"given": {"x": 0.1, "y": 0.2}}, "every column"),
        ({"upload": "flat.csv"}, "25 complete rows are too few for 15 columns"),
        ({"rows": 3}, "rows"),
        ({"generate": 2_000_000}, "generate"),
        ({"toy": "donut"}, "toy"),
    ):
        error = call(uploads, **arguments).error
        assert error["code"] == "invalid_input", arguments
        assert words in error["message"]
        assert error["hint"]
    error = call(uploads, upload="none.csv").error
    assert error["code"] == "not_found"
    assert "t.csv" in error["hint"]


# -- time -------------------------------------------------------------------------------------------------------------


def test_the_time_is_said_before_anything_is_fitted(tmp_path):
    seen: list[tuple[float, str]] = []
    context = ToolContext(tmp_path, progress=lambda done, message: seen.append((done, message)))
    out = call_tool(estimate_density, {"rows": 200}, context).output
    shares = [done for done, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] <= 1
    assert re.fullmatch(r"This takes about \d+ s \(200 rows, 2 columns\)", seen[1][1])
    assert out["estimated_seconds"] == pytest.approx(plan_for(200, 2, 1000).seconds, rel=0.06)


def test_what_would_take_too_long_is_refused_before_it_runs(uploads, monkeypatch):
    monkeypatch.setattr(tool_limits, "MAX_SECONDS", 0.5)
    write(uploads / "t.csv", "a,b,c", bent(50))
    error = call(uploads, upload="t.csv").error
    assert error["code"] == "limit"
    assert re.match(r"This would take about \d+ s on a quiet machine \(50 rows, 3 columns\)", error["message"])
    assert error["hint"]


def test_a_hundred_thousand_rows_of_ten_columns_are_within_the_limit():
    plan = plan_for(100_000, 10, 1_000)
    assert plan.seconds < MAX_SECONDS
    refuse_if_too_big(plan, 100_000, 10, 1_000)


def test_what_the_refusal_says_would_fit_fits():
    rows, columns = 3_000_000, 20
    with pytest.raises(ToolError, match="is the most") as caught:
        refuse_if_too_big(plan_for(rows, columns, 1000), rows, columns, 1000)
    found = re.search(r"at most ([\d,]+) rows", caught.value.hint)
    if found:
        assert plan_for(int(found.group(1).replace(",", "")), columns, 1000).seconds <= MAX_SECONDS


def test_a_file_too_large_is_refused_with_how_much_fits():
    with pytest.raises(ToolError, match="numbers; 20,000,000 is the most") as caught:
        refuse_if_too_big(plan_for(100, 100, 1_000_000), 100, 100, 1_000_000)
    assert "200,000 rows" in caught.value.hint


def test_parts_of_a_plan_follow_each_other():
    plan = plan_for(5000, 3, 1000)
    shares = [plan.share(part, done) for part in plan.parts for done in (0.0, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert plan.train + plan.held_out == 5000


def test_a_run_that_cannot_end_in_time_says_so_early():
    plan = plan_for(5000, 3, 1000)
    refuse_if_too_slow(plan, 0.5, 30)
    refuse_if_too_slow(plan, 0.001, 40)
    with pytest.raises(ToolError, match="1000 s") as caught:
        refuse_if_too_slow(plan, 0.06, 60)
    assert caught.value.code == "limit"


@pytest.mark.parametrize("part", ["fit", "odd"])
def test_a_run_can_be_cancelled(tmp_path, part):
    context = ToolContext(tmp_path / "out")
    wait = plan_for(3000, 2, 1000).share(part)

    def progress(done: float, message: str) -> None:
        if done > wait:
            context.cancel.set()

    context.progress = progress
    assert call_tool(estimate_density, {"rows": 3000}, context).error["code"] == "cancelled"


# -- the declaration --------------------------------------------------------------------------------------------------


def test_toys_are_the_librarys():
    assert ToyName.__args__ == TOY_NAMES
    assert tuple(estimate_density.input_schema()["properties"]["toy"]["enum"]) == TOY_NAMES


def test_it_is_one_of_all_tools_and_importing_it_is_cheap():
    assert find_tool(all_tools(), "estimate_density") is estimate_density
    code = (
        "import sys, bethink.tools as t; t.all_tools();"
        "print(*({'torch', 'matplotlib', 'numpy', 'sklearn', 'pyarrow'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_what_the_model_reads_is_short(uploads):
    write(
        uploads / "t.csv", ",".join(f"column {i}" for i in range(30)), np.random.default_rng(0).normal(size=(100, 30))
    )
    result = call(uploads, upload="t.csv", odd_rows=10, generate=10)
    assert len(json.dumps(result.output)) < 12_000
    assert "The oddest is row" in model_text(result)


def test_a_value_far_from_all_else_is_named():
    from bethink.tools.density.table import Table
    from bethink.tools.density.tool_columns import layout_of
    from bethink.tools.density.tool_run import far_values

    values = np.random.default_rng(0).normal(size=(100, 2))
    clean = Table(("a", "b"), values.copy(), np.arange(1, 101))
    assert far_values(clean, layout_of(clean.columns, clean.values)) == []
    values[7, 1] = 1e12
    spoilt = Table(("a", "b"), values, np.arange(1, 101))
    (note,) = far_values(spoilt, layout_of(spoilt.columns, spoilt.values))
    assert "'b' holds 1e+12" in note
