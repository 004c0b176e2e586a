from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bethink.tools import pictures
from bethink.tools.filtering import plot
from bethink.tools.filtering.animation import animate_field
from bethink.tools.filtering.assimilation import Assimilation
from bethink.tools.filtering.observations import ObservedSeries
from bethink.tools.filtering.twin import TwinResult

WIDTH = round(pictures.WIDTH_INCHES * pictures.DPI)


def result(cycles: int = 40, sites: int = 12, direct: bool = True, seed: int = 0) -> TwinResult:
    """A made-up result: a fake truth, and an estimate near it."""
    chance = np.random.default_rng(seed)
    truth = 5 * np.sin(np.arange(cycles)[:, None] / 5 + np.arange(sites) / 2)
    error = chance.normal(0, 0.5, truth.shape)
    observations = truth + chance.normal(0, 1, truth.shape)
    observations[:, 1::2] = np.nan
    series = np.abs(chance.normal(1, 0.2, (1, cycles)))
    return TwinResult(
        time=np.arange(1, cycles + 1) * 0.1,
        watch=tuple(range(sites)),
        rmse=series,
        spread=series * 1.1,
        crps=series / 2,
        coverage=np.full((1, cycles), 0.9),
        free_rmse=series * 5,
        ranks=chance.integers(1, 20, 31),
        diverged=np.array([False]),
        truth=truth,
        mean=truth + error,
        member_sd=np.full(truth.shape, 0.5),
        observations=observations,
        climatology=3.6,
        direct=direct,
        burn_in=cycles // 3,
    )


def lost(made: TwinResult) -> TwinResult:
    """The same, with members that diverged half-way."""
    rmse = made.rmse.copy()
    rmse[:, rmse.shape[1] // 2 :] = np.inf
    return replace(made, rmse=rmse, diverged=np.array([True]), free_rmse=np.full_like(rmse, np.nan))


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width == WIDTH
        return np.asarray(image.convert("RGB"))


def holds(pixels: np.ndarray, colour: str, least: int = 20) -> bool:
    """Whether at least so many pixels have nearly that colour."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return int((np.abs(pixels.astype(int) - wanted).max(-1) < 12).sum()) >= least


def test_components_show_truth_observations_and_estimate(tmp_path):
    pixels = opened(plot.draw_components(result(sites=3), ("x", "y", "z"), tmp_path / "a.png"))
    assert holds(pixels, plot.ESTIMATE)
    assert holds(pixels, "#dd7733")  # the dots, a little transparent
    bent = opened(plot.draw_components(result(sites=3, direct=False), ("x", "y", "z"), tmp_path / "b.png"))
    assert not holds(bent, "#dd7733")


def test_no_more_panels_than_can_be_read(tmp_path):
    few = opened(plot.draw_components(result(sites=6), list("abcdef"), tmp_path / "a.png"))
    many = opened(plot.draw_components(result(sites=12), list("abcdefghijkl"), tmp_path / "b.png"))
    assert many.shape == few.shape


def test_fields_are_drawn_with_what_was_not_observed_in_grey(tmp_path):
    pixels = opened(plot.draw_field(result(), tmp_path / "a.png"))
    assert holds(pixels, "#b8bdc4", 1000)
    full = result()
    full.observations = full.truth
    assert not holds(opened(plot.draw_field(full, tmp_path / "b.png")), "#b8bdc4", 1000)


@pytest.mark.parametrize("names", [["robust"], ["letkf", "robust", "score", "enkf", "particle"]])
def test_every_filter_has_its_line(tmp_path, names):
    results = {name: result(seed=seed) for seed, name in enumerate(names)}
    pixels = opened(plot.draw_errors(results, tmp_path / "a.png", jump=2.0))
    for name in names:
        assert holds(pixels, plot.FILTER_STYLES[name][1])


def test_filters_differ_in_colour_and_dash():
    _, colours, dashes = zip(*plot.FILTER_STYLES.values(), strict=True)
    assert len(set(colours)) == len(set(dashes)) == 5


@pytest.mark.parametrize("field", [True, False])
def test_filters_side_by_side(tmp_path, field):
    one = opened(plot.draw_filters({"robust": result()}, "x", field, tmp_path / "a.png"))
    two = opened(plot.draw_filters({"robust": result(), "enkf": lost(result())}, "x", field, tmp_path / "b.png"))
    assert two.shape[0] > one.shape[0] + 100


def test_a_diverged_filter_can_be_drawn(tmp_path):
    results = {"robust": result(), "enkf": lost(result())}
    opened(plot.draw_errors(results, tmp_path / "a.png"))
    opened(plot.draw_errors({"enkf": lost(result())}, tmp_path / "b.png"))
    opened(plot.draw_ranks(results, tmp_path / "c.png"))


def test_ranks_that_are_far_from_flat_are_cut(tmp_path):
    peaked = result()
    peaked.ranks = np.array([1000, *([0] * 30)])
    opened(plot.draw_ranks({"robust": peaked, "letkf": result()}, tmp_path / "a.png"))
    none = result()
    none.ranks = np.zeros(3, dtype=int)
    opened(plot.draw_ranks({"robust": none}, tmp_path / "b.png"))


@pytest.mark.parametrize("cycles", [1, 2])
def test_one_cycle_is_enough_for_a_picture(tmp_path, cycles):
    made = result(cycles=cycles)
    opened(plot.draw_components(made, list("abc"), tmp_path / "a.png"))
    opened(plot.draw_field(made, tmp_path / "b.png"))
    opened(plot.draw_errors({"robust": made}, tmp_path / "c.png"))


def series(rows: int, columns: int) -> tuple[ObservedSeries, Assimilation]:
    """A made-up series with gaps, and a fake assimilation of it."""
    chance = np.random.default_rng(1)
    values = np.cumsum(chance.normal(0, 1, (rows, columns)), 0)
    values[chance.random(values.shape) < 0.1] = np.nan
    values[:, -1] = np.nan if columns > 1 else values[:, -1]
    filled = np.nan_to_num(values)
    found = Assimilation(
        times=np.arange(rows) * 0.5,
        mean=filled,
        sd=np.ones_like(filled),
        predicted=filled + 0.5,
        predicted_sd=np.ones_like(filled),
        innovations=values - filled - 0.5,
        innovation_ratio=1.0,
        steps=np.ones(rows, dtype=int),
        notes=(),
    )
    return ObservedSeries(found.times, values, tuple(f"a column {i} $x_2$" for i in range(columns))), found


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (30, 2), (200, 9)])
@pytest.mark.parametrize("direct", [True, False])
def test_series_of_any_size_are_drawn(tmp_path, rows, columns, direct):
    given, found = series(rows, columns)
    opened(plot.draw_series(given, found, range(columns), direct, 0.3, tmp_path / "a.png"))
    opened(
        plot.draw_innovations({"robust": found, "enkf": found}, 0.3, {"robust": 1.0, "enkf": 2.0}, tmp_path / "b.png")
    )


def test_a_columns_name_is_text_whatever_it_holds(tmp_path):
    given, found = series(20, 2)
    odd = replace(given, columns=(r"$\frac{1}{", "a" * 500))
    opened(plot.draw_series(odd, found, range(2), True, 0.3, tmp_path / "a.png"))


@pytest.mark.parametrize("direct", [True, False])
def test_the_animation_moves_once_and_is_small(tmp_path, direct):
    path = animate_field(result(cycles=100, sites=64, direct=direct), tmp_path / "a.gif")
    assert path.stat().st_size < 1_500_000
    with Image.open(path) as image:
        assert image.format == "GIF"
        assert "loop" not in image.info
        assert 20 < image.n_frames <= 50
        seconds, frames = 0.0, []
        for frame in range(image.n_frames):
            image.seek(frame)
            seconds += image.info["duration"] / 1000
            frames.append(np.asarray(image.convert("RGB")))
    assert seconds < 5
    assert (frames[0] != frames[-1]).mean() > 0.005
    assert (frames[0][3, 300:] == 255).all()
    red, green, blue = np.moveaxis(frames[0].astype(int), -1, 0)
    dots = int(((red > 190) & (green < 150) & (blue < 90)).sum())
    assert dots > 50 if direct else dots == 0
