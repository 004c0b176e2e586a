"""The picture of the Energy tab: joules by day and by kind of work, and prompt tokens avoided so far."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from bethink.tools.pictures import BLUE, GREY, MUTED, ORANGE, new_figure

COLOURS = {"model": BLUE, "tool": ORANGE, "memory": GREY}
DAYS = 31
"""Days shown at most, the latest."""


def joules_by_day(records: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Joules by day (UTC, oldest first) and kind of span; what is not known is left out."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in records:
        if each["kind"] in COLOURS and each["energy_j"] is not None:
            found[each["at"][:10]][each["kind"]] += each["energy_j"]
    return {day: dict(found[day]) for day in sorted(found)[-DAYS:]}


def net_avoided(records: Sequence[dict[str, Any]]) -> list[int]:
    """Prompt tokens avoided so far, less what the memory spent, after each record that says something of it."""
    steps = []
    for each in records:
        if each["kind"] == "memory":
            spent = each["tokens_in"] + each["tokens_out"]
            steps += [-spent] if spent else []
        elif each["tokens_avoided"] is not None and each["kind"] != "turn":
            steps.append(each["tokens_avoided"])
    return list(accumulate(steps))


def draw(records: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """(PNG as a data address, what it shows in words) of records of one error class, oldest first."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    days, net = joules_by_day(records), net_avoided(records)
    figure, (left, right) = new_figure(1, 2.9, columns=2, share=False)
    bottom = [0.0] * len(days)
    for kind, colour in COLOURS.items():
        heights = [each.get(kind, 0.0) for each in days.values()]
        left.bar(range(len(days)), heights, bottom=bottom, color=colour, label=kind, width=0.7)
        bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
    names = [day[5:] for day in days]
    every = max(1, len(names) // 6)
    left.set_xticks(range(0, len(names), every), names[::every])
    left.set(title="Joules a day (UTC)", ylim=(0, None))
    left.set_xlim(-0.8, max(len(days), 4) - 0.2)
    left.legend(frameon=False, fontsize=8)
    right.set(title="Prompt tokens avoided, net")
    if net:
        right.axhline(0, color=MUTED, linewidth=0.8)
        right.plot(range(1, len(net) + 1), net, color=BLUE, marker="." if len(net) < 60 else "")
        right.set(xlabel="model calls so far")
        right.margins(x=0.03)
    else:
        right.set_axis_off()
        right.text(0.5, 0.5, "no answer yet", ha="center", color=MUTED, transform=right.transAxes)
    with io.BytesIO() as out:
        FigureCanvasAgg(figure).print_png(out)
        picture = base64.b64encode(out.getvalue()).decode("ascii")
    last = f"{net[-1]:+,} tokens" if net else "nothing"
    total = sum(sum(each.values()) for each in days.values())
    words = f"{total:.3g} joules on {len(days)} days; net prompt tokens avoided by now: {last}."
    return f"data:image/png;base64,{picture}", words
