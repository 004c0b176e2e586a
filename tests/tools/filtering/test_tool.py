from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bethink.tools.contract import ToolContext, ToolError, call_tool
from bethink.tools.filtering.models import SYSTEM_NAMES, system_named
from bethink.tools.filtering.operators import OPERATOR_NAMES
from bethink.tools.filtering.tool import TrackStateInput, track_state
from bethink.tools.filtering.tool_limits import DIMENSIONS, STEPS, Pace, refuse_if_too_slow
from bethink.tools.langchain import model_text

FILTERS = ["robust", "score", "letkf", "enkf", "particle"]


def call(folder: Path, **arguments: object):
    return call_tool(track_state, arguments, ToolContext(folder))


def scores(output: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {score["filter"]: score for score in output["filters"]}


def numbers_in(data: Any) -> set[float]:
    if isinstance(data, dict):
        return set().union(*map(numbers_in, data.values()), set())
    if isinstance(data, list):
        return set().union(*map(numbers_in, data), set())
    return {float(data)} if isinstance(data, int | float) and not isinstance(data, bool) else set()


def assert_its_numbers_stand_elsewhere(output: dict[str, Any]) -> None:
    known = numbers_in({key: value for key, value in output.items() if key not in ("summary", "notes", "plots")})
    said = re.sub(r"Lorenz-\d+|\S+\.csv", "", output["summary"])
    for number in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", said):
        assert float(number) in known, number


def test_the_defaults_track(tmp_path):
    result = call(tmp_path)
    assert result.ok, result.error
    out = result.output
    assert [score["filter"] for score in out["filters"]] == ["robust"]
    assert out["filters"][0]["rmse"] < min(out["climatology"] / 10, out["free_rmse"] / 5)
    for plot in out["plots"]:
        assert Path(plot["path"]).read_bytes().startswith(b"\x89PNG")
        assert plot["alt"]
        assert plot["title"]


@pytest.mark.parametrize("noise", [0.1, 2.0])
@pytest.mark.parametrize("system", ["lorenz63", "lorenz96"])
def test_direct_observations_of_any_noise_are_worth_having(tmp_path, system, noise):
    out = call(tmp_path, system=system, noise=noise, filters=["robust", "score"], cycles=60).output
    for score in out["filters"]:
        assert score["rmse"] < 1.1 * noise
        assert score["rmse"] < out["climatology"] / 3


@pytest.mark.parametrize("system", SYSTEM_NAMES)
def test_every_filter_runs_on_every_system(tmp_path, system):
    size = {"kuramoto_sivashinsky": 64, "lorenz96": 12, "linear": 4, "random_walk": 3}.get(system)
    out = call(tmp_path, system=system, dimension=size, filters=FILTERS, members=12, cycles=6).output
    assert out["dimension"] == (size or DIMENSIONS[system])
    assert list(scores(out)) == FILTERS
    assert out["best"] in FILTERS
    best = scores(out)[out["best"]]
    assert best["rmse"] == min(score["rmse"] for score in out["filters"] if score["rmse"] is not None)
    assert len(json.dumps(out)) < 6000
    assert_its_numbers_stand_elsewhere(out)


def test_the_table_of_systems_agrees_with_them():
    for name in SYSTEM_NAMES:
        system = system_named(name, DIMENSIONS[name])
        assert system.dimension == DIMENSIONS[name]
        assert system.steps_between == STEPS.get(name, 1)


@pytest.mark.parametrize("observation", OPERATOR_NAMES)
def test_every_observation_is_offered_and_runs(tmp_path, observation):
    out = call(tmp_path, observation=observation, noise=0.5, cycles=10, members=10).output
    assert out["filters"][0]["rmse"] > 0


def test_names_are_the_librarys():
    properties = track_state.input_schema()["properties"]
    assert tuple(properties["system"]["enum"]) == SYSTEM_NAMES
    assert tuple(properties["observation"]["enum"]) == OPERATOR_NAMES
    assert properties["filters"]["items"]["enum"] == FILTERS
    assert "$defs" not in track_state.input_schema()


def test_filters_are_compared_on_the_same_world(tmp_path):
    alone = call(tmp_path, system="lorenz96", dimension=20, filters=["letkf"], cycles=30, seed=3).output
    beside = call(
        tmp_path, system="lorenz96", dimension=20, filters=["score", "letkf", "score"], cycles=30, seed=3
    ).output
    assert list(scores(beside)) == ["score", "letkf"]
    assert scores(alone)["letkf"]["rmse"] == scores(beside)["letkf"]["rmse"]
    assert beside["free_rmse"] == pytest.approx(alone["free_rmse"], rel=0.5)
    kinds = [Path(plot["path"]).suffix for plot in beside["plots"]]
    assert kinds == [".png", ".png", ".png", ".png", ".gif"]


def test_a_jump_is_met_by_the_robust_filter_and_missed_by_letkf(tmp_path):
    arguments = {"system": "lorenz96", "noise": 0.1, "filters": ["robust", "letkf"], "cycles": 60, "shock": 1.0}
    jumped = scores(call(tmp_path, **arguments).output)
    calm = scores(call(tmp_path, **{**arguments, "shock": 0.0}).output)
    assert calm["letkf"]["rmse"] < 0.1
    assert jumped["letkf"]["rmse"] > 5 * jumped["robust"]["rmse"]
    assert "jumped by 1 times" in call(tmp_path, shock=1.0, cycles=10).output["summary"]


def test_what_a_filter_cannot_do_is_said(tmp_path):
    out = call(tmp_path, system="lorenz96", filters=["enkf", "particle"], cycles=60, members=10).output
    assert "lost" in out["summary"]
    assert "does not localise" in out["notes"][0]
    assert "small systems" in out["notes"][1]
    assert_its_numbers_stand_elsewhere(out)


def test_old_arguments_still_work(tmp_path):
    for arguments in ({"members": 50}, {"system": "lorenz96", "dimension": 100, "observation": "arctan"}):
        assert call(tmp_path, **arguments, cycles=10).ok


def test_importing_the_tool_is_cheap():
    code = (
        "import sys, bethink.tools as t; t.all_tools(); print(*({'torch', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_every_number_of_the_summary_stands_in_the_output(tmp_path):
    assert_its_numbers_stand_elsewhere(call(tmp_path, system="lorenz96", dimension=20, cycles=30, shock=0.5).output)


def test_the_same_seed_gives_the_same_result(tmp_path):
    first, second = (scores(call(tmp_path, cycles=15, seed=4).output)["robust"]["rmse"] for _ in range(2))
    assert first == second
    assert scores(call(tmp_path, cycles=15, seed=5).output)["robust"]["rmse"] != first


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"members": 1}, "invalid_input"),
        ({"noise": -1}, "invalid_input"),
        ({"noise": float("nan")}, "invalid_input"),
        ({"dimension": 10**9, "system": "lorenz96"}, "invalid_input"),
        ({"dimension": 3, "system": "lorenz96"}, "invalid_input"),
        ({"dimension": 65, "system": "kuramoto_sivashinsky"}, "invalid_input"),
        ({"dimension": 3, "system": "linear"}, "invalid_input"),
        ({"system": "lorenz96", "dimension": 100_000, "members": 500}, "limit"),
        ({"system": "lorenz96", "dimension": 100_000, "members": 100, "cycles": 2000}, "limit"),
        ({"system": "linear", "dimension": 20_000}, "limit"),
        ({"observation": "telepathy"}, "invalid_input"),
        ({"cycles": 0}, "invalid_input"),
        ({"filters": []}, "invalid_input"),
        ({"filters": ["kalman"]}, "invalid_input"),
        ({"filters": "robust"}, "invalid_input"),
        ({"shock": -1}, "invalid_input"),
    ],
)
def test_bad_requests_are_refused_with_a_number_and_a_hint(tmp_path, arguments, code):
    result = call(tmp_path, **arguments)
    assert result.error["code"] == code
    assert result.error["hint"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_big_is_refused_with_its_size(tmp_path):
    big = call(tmp_path, system="lorenz96", dimension=100_000, members=500).error
    assert "5.5 GB" in big["message"]
    fits = int(re.search(r"at most (\d+) members", big["hint"]).group(1))
    assert (
        call(tmp_path, system="lorenz96", dimension=100_000, members=fits + 1)
        .error["message"]
        .startswith("This needs about 2.0 GB")
    )
    long = call(tmp_path, system="lorenz96", dimension=10_000, members=100, cycles=2000, filters=FILTERS).error
    assert "s on a quiet machine; 90 s is the most" in long["message"]
    assert "at most" in long["hint"]


def test_a_run_can_be_cancelled(tmp_path):
    context = ToolContext(tmp_path)
    seen: list[float] = []

    def progress(done: float, message: str) -> None:
        seen.append(done)
        if done > 0.3:
            context.cancel.set()

    context.progress = progress
    result = call_tool(track_state, {"cycles": 200, "filters": ["letkf", "robust"]}, context)
    assert result.error["code"] == "cancelled"
    assert seen == sorted(seen)
    assert max(seen) < 0.5


def test_progress_goes_over_all_filters(tmp_path):
    seen: list[tuple[float, str]] = []
    context = ToolContext(tmp_path, progress=lambda done, message: seen.append((done, message)))
    assert call_tool(track_state, {"cycles": 10, "filters": ["enkf", "score"]}, context).ok
    shares = [done for done, _ in seen]
    assert shares == sorted(shares)
    assert 0.85 < max(done for done, message in seen if message.startswith("score")) <= 0.9
    assert shares[-1] < 1.01


def test_a_run_that_cannot_end_in_time_says_so_early():
    refuse_if_too_slow(done=10, cycles=100, seconds=10.0)
    refuse_if_too_slow(done=1, cycles=2000, seconds=2.0)
    with pytest.raises(ToolError, match="1000 s") as caught:
        refuse_if_too_slow(done=1, cycles=100, seconds=10.0)
    assert caught.value.code == "limit"
    assert "at most 9 cycles" in caught.value.hint


def test_the_pace_is_not_that_of_the_first_cycle():
    pace = Pace(TrackStateInput(filters=["enkf"]), 3, 100)
    assert pace.share(0, 1, now=60.0) == pytest.approx(0.01)  # a minute of imports
    assert pace.share(0, 2, now=60.1) == pytest.approx(0.02)
    assert pace.share(0, 50, now=70.0) == pytest.approx(0.5)
    with pytest.raises(ToolError, match="s is the most"):
        pace.share(0, 51, now=200.0)


def test_what_the_model_reads_is_short(tmp_path):
    result = call(tmp_path, filters=FILTERS, cycles=10)
    assert len(model_text(result)) < 2500
