"""Pictures of twin experiments and tracked series, in the style of :mod:`bethink.tools.pictures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.pictures import (
    BLUE,
    DPI,
    GREY,
    GRID,
    INK,
    MUTED,
    ORANGE,
    new_figure,
    put_legend,
    save,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bethink.tools.filtering.assimilation import Assimilation
    from bethink.tools.filtering.observations import ObservedSeries
    from bethink.tools.filtering.twin import TwinResult

TRUTH, ESTIMATE, OBSERVED, FREE = INK, BLUE, ORANGE, GREY
Dash = tuple[int, tuple[float, ...]] | str
FILTER_STYLES: dict[str, tuple[str, str, Dash]] = {
    "robust": ("robust", "#0072b2", "-"),
    "score": ("score", "#d55e00", (0, (5, 1.5))),
    "letkf": ("LETKF", "#009e73", (0, (6, 1.5, 1.5, 1.5))),
    "enkf": ("EnKF", "#b0568c", (0, (2.5, 1.2))),
    "particle": ("particle", "#9a6700", (0, (1.2, 1.2))),
}
"""Label, colour and dash of each filter, the same in every picture."""
MOST_PANELS = 6
TALLEST = 3.0
FEW_POINTS = 150
"""Observations up to which they are drawn as well visible dots; more are drawn smaller."""


def draw_components(result: TwinResult, labels: Sequence[str], path: Path) -> Path:
    """Truth, observations and estimate (mean with a band of two standard deviations), one panel a component.

    At most `MOST_PANELS` of the watched components are shown, the first ones.
    """
    shown = labels[:MOST_PANELS]
    figure, panels = new_figure(len(shown), _tall(len(shown)))
    for index, (panel, label) in enumerate(zip(panels, shown, strict=True)):
        _truth(panel, result.time, result.truth[:, index])
        _estimate(panel, result.time, result.mean[:, index], result.member_sd[:, index])
        seen = _in_state_units(result, index)
        if seen is not None:
            _dots(panel, result.time, seen)
        panel.set_ylabel(label, rotation=0, labelpad=10, va="center")
        _focus(panel, result.truth[:, index], result.mean[:, index], *([] if seen is None else [seen]))
    _finish(panels, result.time)
    put_legend(figure, panels[0])
    return save(figure, path)


def draw_field(result: TwinResult, path: Path) -> Path:
    """Hovmöller pictures of a field on a circle, site against time: truth, observations, estimate and error."""
    rows: list[tuple[str, np.ndarray]] = [("truth", result.truth), ("estimate", result.mean)]
    if result.direct:
        gaps = " (grey: not observed)" if np.isnan(result.observations).any() else ""
        rows.insert(1, (f"observations{gaps}", result.observations))
    figure, panels = new_figure(len(rows) + 1, 1.45 * len(rows) + 2.3)
    size = float(np.abs(result.truth).max())
    for panel, (title, values) in zip(panels, rows, strict=False):
        image = _hovmoeller(panel, result, values, title, "RdBu_r", size)
    _colour_bar(figure, image, panels[:-1])
    error = result.mean - result.truth
    size = float(np.quantile(np.abs(error), 0.995)) or 1.0
    image = _hovmoeller(panels[-1], result, error, "error: estimate minus truth", "PuOr_r", size)
    _colour_bar(figure, image, panels[-1:])
    panels[-1].set_xlabel("time")
    return save(figure, path)


def draw_errors(results: Mapping[str, TwinResult], path: Path, jump: float | None = None) -> Path:
    """RMSE over time of every filter, beside the run without observations and climatology.

    With one filter its spread is shown too. ``jump`` marks the time at which the truth jumped. The run without
    observations is taken from the first result that has one.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, panels = new_figure(1, 3.2)
    panel = panels[0]
    first = next(iter(results.values()))
    lines: list[tuple[str, str, np.ndarray]] = []
    free = next((r.free_rmse[0] for r in results.values() if not np.isnan(r.free_rmse).all()), None)
    if free is not None:
        panel.plot(first.time, free, color=FREE, linewidth=1.1)
        lines.append(("no observations", FREE, free))
    for name, result in results.items():
        label, colour, dash = FILTER_STYLES[name]
        series = np.where(np.isfinite(result.rmse[0]), result.rmse[0], np.nan)
        panel.plot(first.time, series, color=colour, linewidth=1.7, linestyle=dash)
        lines.append((label if len(results) > 1 else "rmse", colour, series))
        if len(results) == 1:
            panel.plot(first.time, result.spread[0], color=OBSERVED, linewidth=1.4, linestyle=(0, (4, 2)))
            lines.append(("spread", OBSERVED, result.spread[0]))
    if first.burn_in:
        panel.axvspan(0, first.time[first.burn_in - 1], color=GRID, alpha=0.55, linewidth=0)
        _note(panel, 0, "not averaged")
    if jump is not None:
        panel.axvline(jump, color=MUTED, linewidth=1.0, linestyle=":")
        _note(panel, jump, "truth jumps")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_ylabel("error" if len(results) == 1 else "rmse")
    _finish(panels, first.time)
    _label_lines(figure, panel, lines)
    return save(figure, path)


def draw_filters(results: Mapping[str, TwinResult], label: str, field: bool, path: Path) -> Path:
    """All filters side by side: errors of a field (colours end at two climatological standard deviations), or truth
    and estimate of the first component.
    """
    figure, panels = new_figure(len(results), (1.35 if field else 1.5) * len(results) + 0.9)
    image: Any = None
    size = 2 * next(iter(results.values())).climatology
    for panel, (name, result) in zip(panels, results.items(), strict=True):
        title = f"{FILTER_STYLES[name][0]}: {_verdict(result)}"
        if field:
            image = _hovmoeller(panel, result, result.mean - result.truth, title, "PuOr_r", size)
        else:
            panel.set_title(title, loc="left", color=INK, fontweight="bold")
            _truth(panel, result.time, result.truth[:, 0])
            _estimate(panel, result.time, result.mean[:, 0], result.member_sd[:, 0])
            panel.set_ylabel(label, rotation=0, labelpad=10, va="center")
            _focus(panel, result.truth[:, 0], result.mean[:, 0])
    _finish(panels, next(iter(results.values())).time)
    if field:
        _colour_bar(figure, image, panels, "error", "both")
    else:
        put_legend(figure, panels[0])
    return save(figure, path)


def draw_ranks(results: Mapping[str, TwinResult], path: Path) -> Path:
    """Rank histograms after the burn-in: flat (at the line) when the truth looks like one more member.

    Heights are in units of the flat histogram's; bars above `TALLEST` are cut, with their height written on them.
    """
    figure, panels = new_figure(1, 2.0, len(results))
    for panel, (name, result) in zip(panels, results.items(), strict=True):
        label, colour, _ = FILTER_STYLES[name]
        count = min(len(result.ranks), 20 if len(results) < 3 else 10)
        edges = np.linspace(0, len(result.ranks), count + 1)
        middles = np.arange(len(result.ranks)) + 0.5
        share = np.histogram(middles, edges, weights=result.ranks / max(1, result.ranks.sum()))[0]
        heights = share * len(result.ranks) / np.histogram(middles, edges)[0]
        panel.bar(np.arange(count), np.minimum(heights, TALLEST), width=0.9, color=colour, alpha=0.85)
        for place in np.flatnonzero(heights > TALLEST):
            panel.annotate(
                f"{heights[place]:.2g}", (place, TALLEST), xytext=(0, 2), textcoords="offset points",
                ha="center", color=INK, fontsize=8,
            )  # fmt: skip
        panel.axhline(1, color=INK, linewidth=1.1, linestyle=(0, (4, 2)))
        panel.set_title(f"{label}: ranks of the truth" if len(results) == 1 else label, loc="left", color=INK)
        panel.set_xticks([0, count - 1], ["lowest", "highest"] if len(results) < 4 else ["low", "high"])
        panel.set_xlim(-0.6, count - 0.4)
        panel.set_ylim(0, TALLEST * 1.12)
        panel.grid(False, axis="x")
        panel.tick_params(labelleft=panel is panels[0])
    panels[0].set_ylabel("frequency")
    return save(figure, path)


def draw_series(
    series: ObservedSeries, found: Assimilation, sites: Sequence[int], direct: bool, sd: float, path: Path
) -> Path:
    """Observations with the estimate and its band, one panel a column, at most `MOST_PANELS`.

    Where the instrument does not show the variable itself (not ``direct``), the prediction of each observation stands
    in the estimate's place, with the band in which 95 % of the observations should lie.
    """
    names = series.columns[:MOST_PANELS]
    figure, panels = new_figure(len(names), _tall(len(names)) + 0.1)
    for index, (panel, name) in enumerate(zip(panels, names, strict=True)):
        observed = series.values[:, index]
        if direct:
            middle, width = found.mean[:, sites[index]], found.sd[:, sites[index]]
        else:
            middle, width = found.predicted[:, index], np.hypot(found.predicted_sd[:, index], sd)
        _estimate(panel, found.times, middle, width, "estimate" if direct else "prediction", "-")
        _dots(panel, found.times, observed)
        panel.set_title(shortened(name, 60), loc="left", color=INK, fontweight="bold")
        _focus(panel, observed, middle)
    _finish(panels, found.times)
    put_legend(figure, panels[0])
    return save(figure, path)


def draw_innovations(found: Mapping[str, Assimilation], sd: float, ratios: Mapping[str, float], path: Path) -> Path:
    """Every observation minus its prediction, in units of what the filter expected: 95 % should lie within 2.

    One row a filter, with the distribution at the right beside the normal one; what is beyond 5 is drawn at 5.
    """
    figure, panels = new_figure(len(found), 1.5 * len(found) + 0.75, 2, (5, 1))
    bell = np.linspace(-4, 4, 81)
    for left, right, (name, one) in zip(panels[::2], panels[1::2], found.items(), strict=True):
        label, colour, _ = FILTER_STYLES[name]
        misses = np.clip(one.innovations / np.hypot(one.predicted_sd, sd), -5, 5)
        left.axhspan(-2, 2, color=colour, alpha=0.13, linewidth=0)
        left.axhline(0, color=MUTED, linewidth=0.8)
        left.plot(one.times, misses, ".", color=colour, markersize=4 if misses.size < 600 else 2, alpha=0.8)
        left.set_title(f"{label}: innovation ratio {ratios[name]:g}", loc="left", color=INK, fontweight="bold")
        left.set_ylabel("miss / expected")
        right.hist(
            misses[np.isfinite(misses)], np.linspace(-5.25, 5.25, 22).tolist(),
            orientation="horizontal", density=True, color=colour, alpha=0.6,
        )  # fmt: skip
        right.plot(np.exp(-(bell**2) / 2) / np.sqrt(2 * np.pi), bell, color=INK, linewidth=1.0)
        right.set_xticks([])
        for panel in (left, right):
            panel.set_ylim(-5.5, 5.5)
            panel.set_yticks([-4, -2, 0, 2, 4])
        right.tick_params(labelleft=False)
        _finish([left], one.times)
    for left in panels[:-2:2]:
        left.set_xlabel("")
        left.tick_params(labelbottom=False)
    return save(figure, path)


# -- parts ------------------------------------------------------------------------------------------------------------


def _tall(rows: int) -> float:
    """Inches for so many time series below each other."""
    return 0.85 + rows * (2.3 if rows == 1 else 1.5 if rows <= 3 else 1.2)


def _truth(panel: Axes, time: np.ndarray, values: np.ndarray) -> None:
    """Broad and pale, so that an estimate on top of it stays visible."""
    panel.plot(time, values, color=TRUTH, linewidth=3.6, alpha=0.28, label="truth", solid_capstyle="butt")


def _estimate(
    panel: Axes, time: np.ndarray, mean: np.ndarray, sd: np.ndarray, label: str = "estimate", dash: Dash = (0, (4, 2))
) -> None:
    panel.fill_between(time, mean - 2 * sd, mean + 2 * sd, color=ESTIMATE, alpha=0.22, linewidth=0, label="±2 sd")
    panel.plot(time, mean, color=ESTIMATE, linewidth=1.5, linestyle=dash, label=label)


def _dots(panel: Axes, time: np.ndarray, values: np.ndarray) -> None:
    size = 4.5 if len(time) <= FEW_POINTS else 2.5 if len(time) <= 1000 else 1.5
    panel.plot(time, values, ".", color=OBSERVED, markersize=size, alpha=0.8, label="observation", zorder=1.9)


def _hovmoeller(panel: Axes, result: TwinResult, values: np.ndarray, title: str, colours: str, size: float) -> Any:
    import matplotlib as mpl

    step = result.time[0]
    image = panel.imshow(
        values.T,
        aspect="auto",
        origin="lower",
        cmap=mpl.colormaps[colours].with_extremes(bad="#b8bdc4"),
        vmin=-size,
        vmax=size,
        interpolation="nearest",
        extent=(step / 2, result.time[-1] + step / 2, result.watch[0] + 0.5, result.watch[-1] + 1.5),
    )
    panel.grid(False)
    panel.set_title(title, loc="left", color=INK, fontweight="bold")
    panel.set_ylabel("site")
    return image


def _colour_bar(figure: Figure, image: Any, panels: list[Axes], label: str = "", extend: str = "neither") -> None:
    bar = figure.colorbar(image, ax=panels, fraction=0.035, pad=0.02, label=label, extend=extend)
    bar.outline.set_visible(False)


def _finish(panels: Sequence[Axes], time: np.ndarray) -> None:
    panels[-1].set_xlabel("time")
    if len(time) > 1:
        panels[-1].set_xlim(min(0.0, float(time[0])) if time[0] < time[-1] / 10 else float(time[0]), float(time[-1]))


def _focus(panel: Axes, *series: np.ndarray) -> None:
    """Limits that show the lines; a band much wider than what it surrounds (a lost filter's) may leave the panel."""
    known = np.concatenate([values[np.isfinite(values)] for values in series])
    if known.size:
        low, high = float(known.min()), float(known.max())
        room = 0.12 * (high - low) or 1.0
        panel.set_ylim(low - room, high + room)


def _note(panel: Axes, x: float, text: str) -> None:
    panel.annotate(
        text, (x, 0), xycoords=("data", "axes fraction"), xytext=(4, 5), textcoords="offset points",
        color=MUTED, fontsize=8.5,
    )  # fmt: skip


def _label_lines(figure: Figure, panel: Axes, lines: Sequence[tuple[str, str, np.ndarray]]) -> None:
    """Names at the right ends of the lines, pushed apart where they would overlap; climatology has its own line."""
    figure.draw_without_rendering()
    to_axes = panel.transData.transform
    height = panel.get_window_extent().height
    gap = 11.5 * DPI / 72 / height
    wanted = []
    for label, colour, values in lines:
        tail = values[-max(3, len(values) // 8) :]
        tail = tail[np.isfinite(tail)]
        if tail.size:
            y = to_axes((0, float(np.exp(np.log(np.maximum(tail, 1e-12)).mean()))))[1]
            wanted.append([(y - panel.get_window_extent().y0) / height, label, colour])
        else:
            wanted.append([1.0, f"{label} (diverged)", colour])
    wanted.sort(key=lambda item: item[0])
    places = [item[0] for item in wanted]
    for _ in range(60):
        for i in range(len(places) - 1):
            short = gap - (places[i + 1] - places[i])
            if short > 0:
                places[i] -= short / 2
                places[i + 1] += short / 2
        places = [min(max(place, 0.02), 0.98) for place in places]
    for place, (_, label, colour) in zip(places, wanted, strict=True):
        panel.annotate(
            label, (1, place), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points",
            color=colour, fontsize=9, va="center", annotation_clip=False,
        )  # fmt: skip


def _verdict(result: TwinResult) -> str:
    return "diverged" if result.diverged.any() else f"rmse {result.after_burn_in(result.rmse):.3g}"


def _in_state_units(result: TwinResult, index: int) -> np.ndarray | None:
    """Observations to lay over the state: only where the instrument shows the component itself."""
    if not result.direct or np.isnan(result.observations[:, index]).all():
        return None
    return result.observations[:, index]
