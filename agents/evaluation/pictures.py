"""Pictures of evaluation runs: scores with their intervals, and how long recall takes. Returned as PNG bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bethink.agents.evaluation.summary import Estimate
from bethink.tools.pictures import BLUE, GREY, ORANGE, new_figure, put_legend, save, shortened

COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", GREY)
MARKERS = ("o", "s", "D", "^", "v")
MOST_RUNS = len(MARKERS)


def draw_scores(rows: Sequence[tuple[str, Mapping[str, Estimate]]], runs: Sequence[str]) -> bytes:
    """A line for each (label, estimate by run): dots with 95 % intervals, in percent, a marker and colour a run."""
    figure, (panel,) = new_figure(1, 0.9 + 0.3 * len(rows) * max(1.0, 0.55 * len(runs)))
    for number, run in enumerate(runs):
        places = [place + 0.22 * (number - (len(runs) - 1) / 2) for place, (_, each) in enumerate(rows) if run in each]
        found = [each[run] for _, each in rows if run in each]
        if not found:
            continue
        means = [100 * one.mean for one in found]
        sides = [
            [100 * max(0.0, one.mean - one.low) for one in found],
            [100 * max(0.0, one.high - one.mean) for one in found],
        ]
        panel.errorbar(
            means, places, xerr=sides, fmt=MARKERS[number], color=COLOURS[number], markersize=5, capsize=2.5,
            linewidth=1.1, label=shortened(run, 40), zorder=3,
        )  # fmt: skip
        if len(runs) == 1:
            for mean, place in zip(means, places, strict=True):
                panel.annotate(
                    f"{mean:.1f}", (mean, place), (0, 5), textcoords="offset points", fontsize=8, ha="center"
                )
    panel.set_yticks(range(len(rows)), [shortened(label, 44) for label, _ in rows], fontsize=9)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(-2, 102)
    panel.set_xlabel("%, with 95 % interval")
    if len(runs) > 1:
        put_legend(figure, panel)
    return png(figure)


def draw_times(milliseconds: Mapping[str, Sequence[float]]) -> bytes:
    """The share of questions recalled within a time, for each run; time on a logarithmic axis."""
    from matplotlib.ticker import LogFormatter

    figure, (panel,) = new_figure(1, 2.6)
    for number, (run, values) in enumerate(milliseconds.items()):
        ordered = sorted(values)
        shares = [100 * (place + 1) / len(ordered) for place in range(len(ordered))]
        style = ("-", "--", "-.", ":", "-")[number]
        panel.plot(ordered, shares, style, color=COLOURS[number], label=shortened(run, 40), linewidth=1.6)
    panel.set_xscale("log")
    for ticks in (panel.xaxis.set_major_formatter, panel.xaxis.set_minor_formatter):
        ticks(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.7)))
    panel.set_ylim(0, 101)
    panel.set_xlabel("milliseconds for one recall, embedding of the question included")
    panel.set_ylabel("% of questions")
    if len(milliseconds) > 1:
        put_legend(figure, panel)
    return png(figure)


def png(figure: object) -> bytes:
    """The bytes of a figure of :func:`bethink.tools.pictures.new_figure`."""
    with TemporaryDirectory(prefix="bethink-picture-") as folder:
        return save(figure, Path(folder) / "picture.png").read_bytes()  # type: ignore[arg-type]
