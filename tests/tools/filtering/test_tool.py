from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bethink.tools.contract import ToolContext, ToolError, call_tool
from bethink.tools.filtering.tool import refuse_if_too_slow, track_state


def call(folder: Path, **arguments: object):
    return call_tool(track_state, arguments, ToolContext(folder))


def test_the_defaults_track(tmp_path):
    result = call(tmp_path)
    assert result.ok, result.error
    out = result.output
    assert out["rmse"] < out["climatology"] / 10
    assert out["rmse"] < out["free_rmse"] / 5
    for plot in out["plots"]:
        data = Path(plot["path"]).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert plot["alt"]


@pytest.mark.parametrize("noise", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("system", ["lorenz63", "lorenz96"])
def test_direct_observations_of_any_noise_are_worth_having(tmp_path, system, noise):
    out = call(tmp_path, system=system, noise=noise).output
    assert out["rmse"] < 1.1 * noise
    assert out["rmse"] < out["climatology"] / 3


def test_importing_the_tool_is_cheap():
    code = "import sys, bethink.tools as t; t.all_tools(); print(*({'torch', 'matplotlib'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_every_number_of_the_summary_stands_in_the_output(tmp_path):
    out = call(tmp_path, system="lorenz96", dimension=20, cycles=30).output
    numbers = {float(value) for value in out.values() if isinstance(value, int | float)}
    said = re.sub(r"Lorenz-\d+", "", out["summary"])
    for number in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", said):
        assert float(number) in numbers, number


def test_the_same_seed_gives_the_same_result(tmp_path):
    first, second = (call(tmp_path, cycles=15, seed=4).output for _ in range(2))
    assert first["rmse"] == second["rmse"]
    assert call(tmp_path, cycles=15, seed=5).output["rmse"] != first["rmse"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"members": 1}, "invalid_input"),
        ({"noise": -1}, "invalid_input"),
        ({"noise": float("nan")}, "invalid_input"),
        ({"dimension": 10**9, "system": "lorenz96"}, "invalid_input"),
        ({"system": "lorenz96", "dimension": 100_000, "members": 500}, "limit"),
        ({"system": "lorenz96", "dimension": 100_000, "members": 100, "cycles": 2000}, "limit"),
        ({"observation": "telepathy"}, "invalid_input"),
        ({"cycles": 0}, "invalid_input"),
    ],
)
def test_bad_requests_are_refused_with_a_number_and_a_hint(tmp_path, arguments, code):
    result = call(tmp_path, **arguments)
    assert result.error["code"] == code
    assert result.error["hint"]
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_cancelled(tmp_path):
    context = ToolContext(tmp_path)
    seen: list[float] = []

    def progress(done: float, message: str) -> None:
        seen.append(done)
        if done > 0.3:
            context.cancel.set()

    context.progress = progress
    result = call_tool(track_state, {"cycles": 200}, context)
    assert result.error["code"] == "cancelled"
    assert max(seen) < 0.5


def test_a_run_that_cannot_end_in_time_says_so_early():
    refuse_if_too_slow(done=10, cycles=100, seconds=10.0)
    refuse_if_too_slow(done=1, cycles=2000, seconds=2.0)
    with pytest.raises(ToolError, match="1000 s") as caught:
        refuse_if_too_slow(done=1, cycles=100, seconds=10.0)
    assert caught.value.code == "limit"
    assert "at most 9 cycles" in caught.value.hint
