"""Pictures of densities: what they show, and that no data or name breaks them. Pixels are looked at, not only files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bethink.tools import pictures
from bethink.tools.density import plot

WIDTH = round(pictures.WIDTH_INCHES * pictures.DPI)
chance = np.random.default_rng(0)


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width == WIDTH
        return np.asarray(image.convert("RGB")).astype(int)


def blue(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 2] - pixels[..., 0] > 60) & (pixels[..., 2] > 120)


def orange(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] - pixels[..., 2] > 60) & (pixels[..., 0] > 150)


def normal(points: np.ndarray) -> np.ndarray:
    """Log density of a standard normal."""
    return -0.5 * (points**2).sum(1) - 0.5 * points.shape[1] * np.log(2 * np.pi)


@pytest.mark.parametrize("columns", [3, 4, 6])
def test_data_stands_below_the_diagonal_and_samples_above(tmp_path, columns):
    rows = chance.normal(size=(400, columns))
    names = [f"column {i}" for i in range(columns)]
    pixels = opened(plot.draw_pairs(names, rows, rows[::-1], rows[:3], tmp_path / "a.png"))
    height, width = pixels.shape[:2]
    # the corner panels: the lower left one has no orange, the upper right one no blue
    side = 0.75 / columns
    corner = pixels[int((1 - side) * height) : int(0.93 * height), int(0.12 * width) : int((0.1 + side) * width)]
    assert blue(corner).sum() > 20
    assert orange(corner).sum() == 0
    corner = pixels[int(0.06 * height) : int(side * height), int((1 - side) * width) :]
    assert orange(corner).sum() > 20
    assert blue(corner).sum() == 0


def test_the_regions_are_where_the_density_is(tmp_path):
    rows = chance.normal(size=(1000, 2))
    left = slice(0, WIDTH // 2)
    with_regions = opened(plot.draw_two(["x", "y"], rows, rows, normal, rows[:2], tmp_path / "a.png"))
    without = opened(plot.draw_two(["x", "y"], rows, rows, None, rows[:2], tmp_path / "b.png"))
    assert blue(with_regions[:, left]).sum() > 5 * blue(without[:, left]).sum()
    assert orange(with_regions[:, WIDTH // 2 :]).sum() > 300
    assert orange(with_regions[:, left]).sum() == 0


def test_one_column_has_its_density_as_a_line(tmp_path):
    rows = chance.normal(size=500)
    drawn = opened(plot.draw_one("x", rows, rows, normal, rows[:2], tmp_path / "a.png"))
    bare = opened(plot.draw_one("x", rows, rows, None, rows[:0], tmp_path / "b.png"))
    dark = [(pixels.max(-1) < 80).sum() for pixels in (drawn, bare)]
    assert dark[0] > dark[1] + 300


def test_the_oddest_rows_are_listed_under_the_histogram(tmp_path):
    density = -np.abs(chance.normal(size=300)) * 3
    few, many = np.argsort(density)[:2], np.argsort(density)[:30]
    short = opened(plot.draw_oddness(density, few, [str(i) for i in few], tmp_path / "a.png"))
    tall = opened(plot.draw_oddness(density, many, [str(i) for i in many], tmp_path / "b.png"))
    assert tall.shape[0] > short.shape[0] + 200
    assert tall.shape[0] < 900
    assert orange(tall).sum() > 4 * orange(short).sum()


def test_a_row_far_out_does_not_hide_the_others(tmp_path):
    density = chance.normal(size=300)
    far = np.append(density, -1e9)
    pixels = opened(plot.draw_oddness(far, np.array([300, 0]), ["301", "1"], tmp_path / "a.png"))
    usual = opened(plot.draw_oddness(density, np.array([1, 0]), ["2", "1"], tmp_path / "b.png"))
    assert blue(pixels).sum() > 0.3 * blue(usual).sum()


@pytest.mark.parametrize("name", [r"$\frac{1}{", "a" * 500, "", "two words and more of them", "日本", "_"])
def test_a_columns_name_is_text_whatever_it_holds(tmp_path, name):
    rows = chance.normal(size=(30, 3))
    opened(plot.draw_pairs([name, "b", name], rows, rows, rows[:1], tmp_path / "a.png"))
    opened(plot.draw_two([name, "b"], rows[:, :2], rows[:, :2], normal, rows[:1, :2], tmp_path / "b.png"))
    opened(plot.draw_one(name, rows[:, 0], rows[:, 0], normal, rows[:1, 0], tmp_path / "c.png"))


def test_data_without_spread_or_with_far_values_is_drawn(tmp_path):
    same = np.ones((30, 3))
    far = chance.normal(size=(30, 3))
    far[0] = 1e30
    for rows in (same, far, far[:1]):
        opened(plot.draw_pairs(list("abc"), rows, rows, rows[:1], tmp_path / "a.png"))
        opened(plot.draw_two(list("ab"), rows[:, :2], rows[:, :2], normal, rows[:1, :2], tmp_path / "b.png"))
        opened(plot.draw_one("a", rows[:, 0], rows[:, 0], normal, rows[:1, 0], tmp_path / "c.png"))
    opened(plot.draw_oddness(np.zeros(30), np.array([3]), ["4"], tmp_path / "d.png"))


def test_limits_show_nearly_all_rows():
    values = chance.normal(size=5000)
    low, high = plot._limits(np.append(values, [1e6, -1e6]))
    assert ((values > low) & (values < high)).all()
    assert high - low < 20
