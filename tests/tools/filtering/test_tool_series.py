"""Uploaded files: what is tracked, what is refused, and that nothing outside of the folder is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bethink.tools.contract import ToolContext, call_tool
from bethink.tools.filtering.models import system_named
from bethink.tools.filtering.tool import track_state
from bethink.tools.filtering.tool_series import guess_noise, persistence, verdict
from tests.tools.filtering.test_tool import assert_its_numbers_stand_elsewhere


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def call(uploads: Path, **arguments: object):
    return call_tool(track_state, arguments, ToolContext(uploads.parent / "plots", uploads=uploads))


def write(path: Path, columns: str, values: np.ndarray) -> None:
    rows = [",".join("" if np.isnan(value) else f"{value:.6g}" for value in row) for row in values]
    path.write_text("\n".join([columns, *rows]) + "\n")


def walk(rows: int, columns: int, pace: float, noise: float, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    truth = 20 + np.cumsum(chance.normal(0, pace, (rows, columns)), 0)
    return truth + chance.normal(0, noise, truth.shape)


def test_a_walk_is_tracked_as_well_as_kalmans_filter_would(uploads):
    pace, noise = 0.5, 1.0
    write(uploads / "level.csv", "a,b", walk(400, 2, pace, noise))
    out = call(uploads, upload="level.csv", noise=noise, filters=["robust", "enkf", "letkf"], members=100).output
    # the scalar Riccati equation's fixed point: forecast variance p = q^2 + p r^2 / (p + r^2)
    p = (pace**2 + (pace**4 + 4 * pace**2 * noise**2) ** 0.5) / 2
    best = (p + noise**2) ** 0.5
    for score in out["filters"]:
        assert score["prediction_rmse"] == pytest.approx(best, rel=0.08)
        assert score["innovation_ratio"] == pytest.approx(1, abs=0.2)
    assert out["persistence_rmse"] > 1.08 * best
    assert out["system"] == "random_walk"
    assert out["columns"] == ["a", "b"]
    assert (out["rows"], out["observed"], out["missing"]) == (400, 2, 0)
    assert "as you gave it" in out["summary"]
    assert_its_numbers_stand_elsewhere(out)
    for plot in out["plots"]:
        assert Path(plot["path"]).read_bytes().startswith(b"\x89PNG")


def test_a_file_of_lorenz_63_is_predicted_by_its_model(uploads):
    system, chance = system_named("lorenz63"), torch.Generator().manual_seed(5)
    state, rows = system.spun_up(1, chance), []
    for _ in range(80):
        state = system.forecast(state, 12, chance)
        rows.append(state[0] + 0.5 * torch.randn(3, generator=chance))
    values = torch.stack(rows).double().numpy()
    values[10:13] = np.nan
    write(uploads / "l63.csv", "x,y,z", values)
    out = call(uploads, upload="l63.csv", system="lorenz63", noise=0.5).output
    assert out["filters"][0]["prediction_rmse"] < out["persistence_rmse"] / 4
    assert out["missing"] == 9
    assert any("nothing was observed" in note for note in out["notes"])
    half = np.full((80, 2), np.nan)
    half[:] = values[:, ::2]
    write(uploads / "xz.csv", "x,z", half)
    out = call(uploads, upload="xz.csv", system="lorenz63", observe_every=2, noise=0.5).output
    assert out["filters"][0]["prediction_rmse"] < out["persistence_rmse"] / 3


def test_the_default_noise_is_named_and_rows_can_be_limited(uploads):
    write(uploads / "a.csv", "a", walk(50, 1, 1, 0.3))
    out = call(uploads, upload="a.csv", cycles=20).output
    assert "the default: give what you know" in out["summary"]
    assert out["rows"] == 20
    assert "first 20 of 50 rows" in out["notes"][0]
    assert_its_numbers_stand_elsewhere(out)


def test_seen_through_a_function(uploads):
    truth = np.cumsum(np.random.default_rng(1).normal(0, 0.3, (60, 2)), 0)
    write(uploads / "bent.csv", "p,q", np.arctan(truth))
    out = call(uploads, upload="bent.csv", observation="arctan", noise=0.05, members=60).output
    assert out["filters"][0]["prediction_rmse"] < 0.3
    assert_its_numbers_stand_elsewhere(out)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.csv", b"a,b\n1,rain\n", "holds text"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"a,b\n", "no rows"),
        ("latin.csv", "Größe\n1\n".encode("latin-1"), "not UTF-8"),
        ("binary.csv", b"PK\x03\x04\x00\x01", "binary"),
        ("gaps.csv", b"a\nnan\nnan\n", "missing"),
        ("ragged.csv", b"a,b\n1,2\n3\n", "cell"),
    ],
)
def test_bad_files_are_refused_with_what_is_wrong(uploads, name, content, words):
    (uploads / name).write_bytes(content)
    error = call(uploads, upload=name).error
    assert error["code"] == "invalid_input"
    assert words in error["message"]
    assert error["hint"]
    assert str(uploads) not in error["message"] + error["hint"]


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "a/b.csv", "..", "..\\x.csv", "x\x00.csv", ".hidden.csv"])
def test_paths_are_refused(uploads, name):
    (uploads.parent / "x.csv").write_text("a\n1\n2\n")
    (uploads / ".hidden.csv").write_text("a\n1\n2\n")
    (uploads / "good.csv").write_text("a\n1\n2\n")
    error = call(uploads, upload=name).error
    assert error["code"] == "invalid_input"
    assert "good.csv" in error["hint"]


def test_a_link_out_of_the_folder_is_not_followed(uploads):
    (uploads.parent / "secret.csv").write_text("a\n1\n2\n")
    (uploads / "link.csv").symlink_to(uploads.parent / "secret.csv")
    assert call(uploads, upload="link.csv").error["code"] == "not_found"


def test_a_missing_file_names_those_that_are_there(uploads):
    (uploads / "river.csv").write_text("a\n1\n")
    (uploads / "picture.png").write_bytes(b"x")
    error = call(uploads, upload="rivers.csv").error
    assert error["code"] == "not_found"
    assert error["hint"] == "There are: river.csv."
    (uploads / "river.csv").unlink()
    assert "No file has been uploaded" in call(uploads, upload="rivers.csv").error["hint"]
    nowhere = call_tool(track_state, {"upload": "a.csv"}, ToolContext(uploads))
    assert nowhere.error["code"] == "not_found"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"system": "lorenz63"}, "2 columns"),
        ({"system": "lorenz96"}, "at least 4 sites"),
        ({"system": "lorenz96", "dimension": 40}, "2 columns"),
        ({"system": "kuramoto_sivashinsky"}, "even dimension"),
        ({"system": "random_walk", "observe_every": 2}, "unobserved"),
    ],
)
def test_a_file_that_does_not_fit_the_system_says_how_to_go_on(uploads, arguments, words):
    write(uploads / "two.csv", "a,b", walk(20, 2, 1, 0.3))
    error = call(uploads, upload="two.csv", **arguments).error
    assert error["code"] == "invalid_input"
    assert words in error["message"]
    assert error["hint"]


def test_a_file_too_long_is_refused_before_it_runs(uploads):
    write(uploads / "long.csv", "a", walk(60_000, 1, 1, 0.3))
    error = call(uploads, upload="long.csv").error
    assert error["code"] == "limit"
    assert "at most" in error["hint"]


def test_an_upload_can_be_cancelled(uploads):
    write(uploads / "a.csv", "a", walk(500, 1, 1, 0.3))
    context = ToolContext(uploads.parent, uploads=uploads)

    def progress(done: float, message: str) -> None:
        if done > 0.2:
            context.cancel.set()

    context.progress = progress
    assert call_tool(track_state, {"upload": "a.csv"}, context).error["code"] == "cancelled"


def test_noise_is_guessed_from_a_walk_and_a_smooth_curve():
    assert guess_noise(walk(20_000, 1, 0.5, 2.0)) == pytest.approx(2.0, rel=0.1)
    smooth = 5 * np.sin(np.arange(2000) / 50)[:, None]
    chance = np.random.default_rng(0)
    assert guess_noise(smooth + chance.normal(0, 0.2, smooth.shape)) == pytest.approx(0.2, rel=0.2)
    for nothing in (np.ones((50, 2)), np.full((5, 1), np.nan), np.array([[1.0]])):
        assert guess_noise(nothing) == 0.3


def test_persistence_remembers_the_last_known_value():
    values = np.array([[1.0], [np.nan], [3.0], [3.0]])
    assert persistence(values, 0) == pytest.approx((4 / 2) ** 0.5, abs=0.01)
    assert persistence(values[:1], 0) is None


def test_the_verdict_reads_the_ratio():
    assert "larger" in verdict(3.0)
    assert "smaller" in verdict(0.2)
    assert "explain" in verdict(1.0)
