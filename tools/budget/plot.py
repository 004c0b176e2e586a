"""Pictures of a plan: what each budget brings, and which segment gets which amount."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bethink.tools.pictures import BLUE, GREY, INK, MUTED, ORANGE, new_figure, put_legend, save, shortened

SHADES = ("#e6e8eb", "#c0dbec", "#8fbfdd", "#5a9fca", "#0072b2", "#004b76", "#00314e")
"""No coupon is grey; the larger the amount, the darker."""
MOST_SEGMENTS = 14
MARKERS = ("s", "^", "D", "v", "P", "X")


class Spot(NamedTuple):
    """A policy in the picture of a curve."""

    name: str
    cost: float
    increment: float


class Shares(NamedTuple):
    """One bar: a segment, how many users it has, and the share of each amount."""

    segment: str
    users: int
    shares: Sequence[float]


def draw_curve(
    budgets: Sequence[float],
    increments: Sequence[float],
    intervals: Sequence[tuple[float, float] | None],
    plan: Spot | None,
    others: Sequence[Spot],
    reward: str,
    currency: str,
    path: Path,
) -> Path:
    """What each budget brings above no coupon, with 95 % intervals where there are some, and policies as dots."""
    figure, (panel,) = new_figure(1, 3.9)
    panel.plot(budgets, increments, color=BLUE, linewidth=1.8, label="best for each budget")
    known = [(b, i) for b, i in zip(budgets, intervals, strict=True) if i is not None]
    if known:
        low, high = [i[0] for _, i in known], [i[1] for _, i in known]
        panel.fill_between([b for b, _ in known], low, high, color=BLUE, alpha=0.16, linewidth=0, label="95 % interval")
    for number, spot in enumerate(others):
        marker = MARKERS[number % len(MARKERS)]
        panel.plot(
            [spot.cost],
            [spot.increment],
            marker,
            color=GREY,
            markersize=6.5,
            linestyle="",
            label=shortened(spot.name, 24),
        )
    if plan is not None:
        panel.plot([plan.cost], [plan.increment], "o", color=ORANGE, markersize=9, linestyle="", label=plan.name)
    panel.axhline(0, color=MUTED, linewidth=0.8)
    panel.set_xlabel(f"money spent{f' ({currency})' if currency else ''}")
    panel.set_ylabel(f"{shortened(reward, 28)}, above no coupon")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(_thousands)
    panel.set_xlim(left=0)
    put_legend_in_rows(figure, panel)
    return save(figure, path)


def draw_shares(bars: Sequence[Shares], amounts: Sequence[str], path: Path) -> Path:
    """One bar for each of the first segments: which share of it gets which amount."""
    shown = list(bars)[:MOST_SEGMENTS]
    figure, (panel,) = new_figure(1, 1.1 + 0.38 * len(shown))
    shades = _shades(len(amounts))
    lefts = [0.0] * len(shown)
    for index, amount in enumerate(amounts):
        widths = [bar.shares[index] for bar in shown]
        panel.barh(
            range(len(shown)), widths, left=lefts, color=shades[index], edgecolor="white", linewidth=0.8, label=amount
        )
        for place, (left, width) in enumerate(zip(lefts, widths, strict=True)):
            if width >= 0.07:
                dark = index > 0 and shades[index] in SHADES[3:]
                text = f"{100 * width:.0f} %"
                panel.text(
                    left + width / 2, place, text, ha="center", va="center", fontsize=8, color="white" if dark else INK
                )
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    panel.set_yticks(range(len(shown)), [f"{shortened(bar.segment, 26)}\n{bar.users:,} users" for bar in shown])
    panel.tick_params(axis="y", labelsize=8.5)
    panel.invert_yaxis()
    panel.set_xlim(0, 1)
    panel.set_xlabel("share of the segment by amount")
    panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    panel.grid(False)
    put_legend(figure, panel)
    return save(figure, path)


def put_legend_in_rows(figure: object, panel: object) -> None:
    """A legend above the figure, at most four names a row."""
    handles, names = panel.get_legend_handles_labels()  # type: ignore[attr-defined]
    figure.legend(  # type: ignore[attr-defined]
        handles, names, loc="outside upper left", ncols=min(4, len(names)), frameon=False, fontsize=9
    )


def _thousands(value: float, _: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:g}"


def _shades(count: int) -> list[str]:
    if count <= len(SHADES):
        places = [round(index * (len(SHADES) - 2) / max(1, count - 2)) for index in range(count - 1)]
        return [SHADES[0], *(SHADES[1 + place] for place in places)]
    return [SHADES[min(index, len(SHADES) - 1)] for index in range(count)]
