"""How every picture for a chat looks: about 950 pixels wide, light background, colour-blind-safe, readable when shrunk.

Figures are built without pyplot, which keeps global state and is not safe in a server's threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 144
WIDTH_INCHES = 6.6
INK, MUTED, GRID = "#24292f", "#57606a", "#e6e8eb"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8c8c8c"
"""Okabe and Ito's palette; what is drawn also differs in dash, marker or place, so colour is never the only sign."""
RC = {
    "font.size": 10.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}


def new_figure(
    rows: int,
    height: float,
    columns: int = 1,
    widths: Sequence[float] | None = None,
    share: bool | None = None,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """A figure of ``height`` inches with its panels, row by row, in the style of all pictures.

    ``widths`` and ``heights`` are relative. ``share``: whether the panels have one horizontal axis; left out, they do
    where they stand in one column.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shared = columns == 1 if share is None else share
    with mpl.rc_context(RC):
        figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DPI, facecolor="white", layout="constrained")
        grid = figure.subplots(rows, columns, sharex=shared, squeeze=False, width_ratios=widths, height_ratios=heights)
        panels = list(grid.ravel())
    for panel in panels:
        _plain(panel)
    return figure, panels


def put_legend(figure: Figure, panel: Any) -> None:
    """One line above the figure that names what is drawn in ``panel``."""
    handles, names = panel.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), frameon=False, fontsize=9)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(str(path))
    return path


def shortened(text: str, most: int) -> str:
    """The text, cut to ``most`` characters with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(panel: Axes) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(True, color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(colors=MUTED)
