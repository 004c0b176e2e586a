"""Pictures of a twin experiment, for a chat: about 700 px wide, light background, colour-blind-safe.

Figures are built without pyplot, which keeps global state and is not safe in a server's threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bethink.tools.filtering.twin import TwinResult

DPI = 144
WIDTH_INCHES = 6.6
INK, MUTED, GRID = "#24292f", "#6e7781", "#e6e8eb"
TRUTH, ESTIMATE, OBSERVED, FREE = "#24292f", "#0072b2", "#d55e00", "#999999"
"""Okabe and Ito's palette; lines also differ in dash or marker, so colour is never the only sign."""
RC = {
    "font.size": 10.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}


def draw_components(result: TwinResult, labels: Sequence[str], path: Path) -> Path:
    """Truth, observations and estimate (mean with a band of two standard deviations), one panel a component."""
    figure, panels = _figure(len(labels), 1.55 * len(labels) + 0.85)
    for index, (panel, label) in enumerate(zip(panels, labels, strict=True)):
        mean, sd = result.mean[:, index], result.member_sd[:, index]
        panel.fill_between(
            result.time, mean - 2 * sd, mean + 2 * sd, color=ESTIMATE, alpha=0.22, linewidth=0, label="±2 spread"
        )
        panel.plot(result.time, result.truth[:, index], color=TRUTH, linewidth=1.3, label="truth")
        panel.plot(result.time, mean, color=ESTIMATE, linewidth=1.5, linestyle=(0, (4, 2)), label="estimate")
        seen = _in_state_units(result, index)
        if seen is not None:
            panel.plot(result.time, seen, ".", color=OBSERVED, markersize=4, alpha=0.75, label="observation")
        panel.set_ylabel(label, rotation=0, labelpad=10, va="center")
    panels[-1].set_xlabel("time")
    _legend(figure, panels[0])
    return _save(figure, path)


def draw_field(result: TwinResult, path: Path) -> Path:
    """Hovmöller pair of a field on a circle: truth and estimate, site against time, and the error below."""
    figure, panels = _figure(3, 5.9)
    size = float(np.abs(result.truth).max())
    error = result.mean - result.truth
    top = result.time[-1]
    step = result.time[0]
    rows: list[tuple[str, np.ndarray]] = [("truth", result.truth), ("estimate", result.mean), ("error", error)]
    for panel, (title, values) in zip(panels, rows, strict=True):
        image = panel.imshow(
            values.T,
            aspect="auto",
            origin="lower",
            cmap="RdBu_r",
            vmin=-size,
            vmax=size,
            interpolation="nearest",
            extent=(step / 2, top + step / 2, result.watch[0] + 0.5, result.watch[-1] + 1.5),
        )
        panel.grid(False)
        panel.set_title(title, loc="left", color=INK, fontweight="bold")
        panel.set_ylabel("site")
    panels[-1].set_xlabel("time")
    bar = figure.colorbar(image, ax=list(panels), fraction=0.035, pad=0.02)
    bar.outline.set_visible(False)
    return _save(figure, path)


def draw_errors(result: TwinResult, path: Path) -> Path:
    """RMSE and spread over time, beside the run without observations and climatology."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, panels = _figure(1, 3.1)
    panel = panels[0]
    panel.plot(result.time, result.free_rmse, color=FREE, linewidth=1.2, label="rmse without observations")
    panel.axhline(result.climatology, color=FREE, linewidth=1.1, linestyle=":", label="climatology")
    panel.plot(result.time, result.rmse, color=ESTIMATE, linewidth=1.8, label="rmse")
    panel.plot(result.time, result.spread, color=OBSERVED, linewidth=1.4, linestyle=(0, (4, 2)), label="spread")
    if result.burn_in:
        panel.axvspan(0, result.time[result.burn_in - 1], color=GRID, alpha=0.55, linewidth=0)
        panel.annotate(
            "not averaged", (result.time[0], 0), xycoords=("data", "axes fraction"), xytext=(2, 5),
            textcoords="offset points", color=MUTED, fontsize=8.5,
        )  # fmt: skip
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xlim(0, result.time[-1])
    panel.set_ylabel("error")
    panel.set_xlabel("time")
    _legend(figure, panel)
    return _save(figure, path)


def _figure(rows: int, height: float) -> tuple[Figure, list[Axes]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DPI, facecolor="white", layout="constrained")
        panels = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(True, color=GRID, linewidth=0.8)
        panel.set_axisbelow(True)
    return figure, panels


def _legend(figure: Figure, panel: Any) -> None:
    handles, names = panel.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), frameon=False, fontsize=9)


def _save(figure: Figure, path: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(str(path))
    return path


def _in_state_units(result: TwinResult, index: int) -> np.ndarray | None:
    """Observations to lay over the state: only where the instrument shows the component itself."""
    if not result.direct or np.isnan(result.observations[:, index]).all():
        return None
    return result.observations[:, index]
