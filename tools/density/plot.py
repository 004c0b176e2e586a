"""Pictures of a density: the data beside generated rows, and how likely each row is.

Data is blue, generated rows orange, and each has its own place, so that colour is not the only sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.pictures import BLUE, GREY, INK, ORANGE, new_figure, put_legend, save, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DATA, SAMPLES = BLUE, ORANGE
MOST_COLUMNS = 6
MOST_DOTS = 2_000
"""Dots of each kind in a panel; more hide each other."""
CELLS = 50
"""Side of the grid on which a density of two columns is drawn."""
SHARES = (0.95, 0.75, 0.5, 0.25)
"""The regions drawn hold these shares of the rows."""
FILLS = ("#e3eef6", "#c0dbec", "#8fbfdd", "#5a9fca")
MOST_MARKED = 12
Density = Callable[[np.ndarray], np.ndarray]


def draw_pairs(names: Sequence[str], data: np.ndarray, samples: np.ndarray, odd: np.ndarray, path: Path) -> Path:
    """Every pair of columns: ``data`` (n, k) below the diagonal, ``samples`` (m, k) above it, both on the diagonal.

    ``odd`` (r, k) are ringed among the data. What lies far outside stands at a panel's edge.
    """
    count = len(names)
    figure, panels = new_figure(count, 6.6, count, share=False)
    limits = [_limits(data[:, index]) for index in range(count)]
    size = {2: 3.0, 3: 2.6, 4: 2.0}.get(count, 1.5)
    for index, panel in enumerate(panels):
        row, column = divmod(index, count)
        panel.set_xlim(*limits[column])
        if row == column:
            _histograms(panel, data[:, row], samples[:, row], limits[row])
            panel.set_yticks([])
        else:
            panel.set_ylim(*limits[row])
            shown, colour = (data, DATA) if row > column else (samples, SAMPLES)
            _dots(panel, shown[:, [column, row]], colour, size)
            if row > column:
                _rings(panel, odd[:, [column, row]], limits[column], limits[row], 6.0 if count < 5 else 4.5)
        panel.locator_params(nbins=3)
        panel.tick_params(labelsize=8, length=2, labelbottom=row == count - 1, labelleft=column == 0 and row > 0)
        if row == count - 1:
            panel.set_xlabel(_wrapped(names[column], 66 // count))
        if column == 0:
            panel.set_ylabel(_wrapped(names[row], 66 // count))
    figure.align_labels()
    _key(figure, bool(len(odd)))
    return save(figure, path)


def draw_two(
    names: Sequence[str], data: np.ndarray, samples: np.ndarray, density: Density | None, odd: np.ndarray, path: Path
) -> Path:
    """Two columns: ``data`` (n, 2) on the regions of the density at the left, ``samples`` (m, 2) at the right.

    ``density`` gives the log density of points (p, 2); without it only dots are drawn. The regions hold 25, 50, 75 and
    95 % of the rows; their outlines are drawn behind the samples too.
    """
    figure, (left, right) = new_figure(1, 3.65, 2, share=False)
    limits = [_limits(data[:, 0]), _limits(data[:, 1])]
    if density is not None:
        _regions((left, right), data, density, limits)
    _dots(left, data, INK if density is not None else DATA, 2.2, 0.35)
    _rings(left, odd, limits[0], limits[1])
    _dots(right, samples, SAMPLES, 2.4, 0.55)
    for panel, title in ((left, "data"), (right, "generated rows")):
        panel.set_xlim(*limits[0])
        panel.set_ylim(*limits[1])
        panel.set_xlabel(_name(names[0], 32))
        panel.set_title(title, loc="left", color=INK, fontweight="bold")
        panel.locator_params(nbins=5)
        panel.grid(False)
    left.set_ylabel(_name(names[1], 32))
    right.tick_params(labelleft=False)
    return save(figure, path)


def draw_one(
    name: str, data: np.ndarray, samples: np.ndarray, density: Density | None, odd: np.ndarray, path: Path
) -> Path:
    """One column: histograms of ``data`` (n,) and ``samples`` (m,), and the density as a line; ``odd`` (r,) marked."""
    figure, (panel,) = new_figure(1, 3.2)
    limits = _limits(data)
    _histograms(panel, data, samples, limits)
    if density is not None:
        grid = np.linspace(*limits, 300)
        panel.plot(grid, np.exp(density(grid[:, None])), color=INK, linewidth=1.4, label="density")
    if len(odd):
        panel.plot(
            np.clip(odd, *limits), np.zeros(len(odd)), "v", color="none", markeredgecolor=INK, markersize=6,
            clip_on=False, label="odd rows", zorder=3,
        )  # fmt: skip
    panel.set_xlim(*limits)
    panel.set_ylim(0, panel.get_ylim()[1])
    panel.set_xlabel(_name(name, 60))
    panel.set_ylabel("density")
    put_legend(figure, panel)
    return save(figure, path)


def draw_oddness(log_density: np.ndarray, odd: np.ndarray, names: Sequence[str], path: Path) -> Path:
    """A histogram of the rows' log densities (n,), and below it the oddest rows by name, each at its own.

    ``odd`` are places in ``log_density``, the oddest first; at most `MOST_MARKED` are shown. Densities far below the
    others stand at the left edge with an arrow and their number.
    """
    odd, names = odd[:MOST_MARKED], names[:MOST_MARKED]
    height = 0.6 + 0.24 * len(odd)
    figure, (top, bottom) = new_figure(2, 2.4 + height, heights=(1.75, height))
    middle, low = np.quantile(log_density, [0.5, 0.05])
    room = 6 * max(float(middle - low), 1e-9)
    left = max(float(log_density.min()), float(middle) - room)
    right = float(log_density.max())
    span = (right - left) or 1.0
    seen = np.clip(log_density, left, right)
    top.hist(seen, bins=np.linspace(left, left + span, 50).tolist(), color=DATA, alpha=0.75)
    top.set_yscale("symlog", linthresh=1)
    top.set_ylim(0, None)
    top.yaxis.set_major_formatter("{x:g}")
    top.set_ylabel("rows")
    for place, index in enumerate(odd):
        value = float(log_density[index])
        far = value < left
        x = max(value, left)
        bottom.plot([x, float(middle)], [place, place], color=GREY, linewidth=0.8, zorder=1)
        bottom.plot([x], [place], "<" if far else "o", color=ORANGE, markersize=6, zorder=2)
        if far:
            bottom.annotate(
                f"{value:.3g}", (x, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5,
                color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip
    for panel in (top, bottom):
        panel.axvline(float(middle), color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    bottom.set_yticks(range(len(odd)), [f"row {name}" for name in names])
    bottom.set_ylim(len(odd) - 0.4, -0.6)
    bottom.set_xlim(left - 0.03 * span, left + 1.03 * span)
    bottom.set_xlabel("log density")
    top.set_title("all rows (dashed: the median), and the oddest below", loc="left", color=INK, fontweight="bold")
    return save(figure, path)


# -- parts ------------------------------------------------------------------------------------------------------------


def _limits(values: np.ndarray) -> tuple[float, float]:
    """A range that shows all values, or if some lie far out, at least where 99 % are."""
    low, high = float(values.min()), float(values.max())
    inner, outer = (float(edge) for edge in np.quantile(values, [0.005, 0.995]))
    room = (outer - inner) or (high - low) or 1.0
    low, high = max(low, inner - 0.5 * room), min(high, outer + 0.5 * room)
    margin = 0.05 * (high - low) or max(1.0, 0.1 * abs(low))
    return low - margin, high + margin


def _some(points: np.ndarray) -> np.ndarray:
    return points if len(points) <= MOST_DOTS else points[:: -(-len(points) // MOST_DOTS)]


def _dots(panel: Axes, points: np.ndarray, colour: str, size: float, alpha: float = 0.5) -> None:
    shown = _some(points)
    panel.plot(shown[:, 0], shown[:, 1], ".", color=colour, markersize=size, alpha=alpha, markeredgewidth=0, zorder=2)


def _rings(
    panel: Axes, points: np.ndarray, across: tuple[float, float], up: tuple[float, float], size: float = 6.0
) -> None:
    x, y = np.clip(points[:, 0], *across), np.clip(points[:, 1], *up)
    panel.plot(
        x, y, "o", color="none", markeredgecolor=INK, markersize=size, markeredgewidth=1, zorder=3, clip_on=False
    )


def _histograms(panel: Axes, data: np.ndarray, samples: np.ndarray, limits: tuple[float, float]) -> None:
    bins = np.linspace(*limits, 31).tolist()
    clipped = [np.clip(values, *limits) for values in (data, samples)]
    panel.hist(clipped[0], bins=bins, density=True, color=DATA, alpha=0.4, label="data")
    panel.hist(
        clipped[1], bins=bins, density=True, histtype="step", color=SAMPLES, linewidth=1.5, label="generated rows"
    )


def _regions(panels: Sequence[Axes], data: np.ndarray, density: Density, limits: Sequence[tuple[float, float]]) -> None:
    """Filled behind the data, outlined behind the samples: the regions that hold `SHARES` of the rows."""
    x, y = np.linspace(*limits[0], CELLS), np.linspace(*limits[1], CELLS)
    points = np.stack([side.ravel() for side in np.meshgrid(x, y)], 1)
    grid = density(points).reshape(CELLS, CELLS)
    levels = np.unique(np.quantile(density(_some(data)), [1 - share for share in SHARES]))
    grid = np.maximum(grid, levels[0] - 1e3)
    if len(levels) < len(SHARES):
        return
    panels[0].contourf(x, y, grid, levels=[*levels, max(float(grid.max()), levels[-1]) + 1.0], colors=FILLS, zorder=1)
    panels[1].contour(x, y, grid, levels=levels[:1], colors=[GREY], linewidths=0.9, zorder=1)


def _key(figure: Figure, rings: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker="o", linestyle="", color=DATA, label="data (below)"),
        Line2D([], [], marker="o", linestyle="", color=SAMPLES, label="generated rows (above)"),
    ]
    if rings:
        ring = Line2D([], [], marker="o", linestyle="", color="none", markeredgecolor=INK, label="odd rows")
        marks.append(ring)
    figure.legend(
        handles=marks, loc="outside upper left", ncols=len(marks), frameon=False, fontsize=10, handletextpad=0.2
    )


def _wrapped(text: str, most: int) -> str:
    """A column's name on at most two lines of ``most`` characters."""
    import textwrap

    lines = textwrap.wrap(" ".join(text.split()), most) or [""]
    return "\n".join(_name(line, most) for line in [lines[0], " ".join(lines[1:])] if line)


def _name(text: str, most: int) -> str:
    """A column's name as a label: short, and no mathematics whatever it holds."""
    return shortened(" ".join(text.split()), max(6, most)).replace("$", r"\$")
