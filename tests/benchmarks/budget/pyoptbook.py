"""A textbook's optima to three decimals: 5,000 customers, 16 segments, coupons of 0, 1,000 and 2,000 yen.

``python -m tests.benchmarks.budget.pyoptbook``. The known optima are linear programs' (specification, section 6); here
they come from the dual, which sorts the slopes of the customers' hulls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bethink.tools.budget.breakpoints import BreakpointHistogram, InfeasibleTotal
from bethink.tools.budget.knapsack import KnapsackDual
from tests.benchmarks.report import Bar, bar, show
from tests.tools.budget.coupons import FLOOR, OPTIMA, OPTIMA_WITH_FLOORS, pyoptbook

REFUSED = 500_000
LEAST = 761_850.0
"""Yen that a tenth of every segment for every coupon costs: what the refusal must say."""
THREE_DECIMALS, FOUR_DECIMALS = 5e-4, 5e-5


def run() -> tuple[list[Bar], dict[str, Any]]:
    """The bars, and the optima found."""
    gains, costs, _ = pyoptbook()
    segment_gains, segment_costs, sizes = pyoptbook(by_segment=True)
    floors = np.full(3, FLOOR)
    histogram = BreakpointHistogram.empty().add(gains, costs)
    rows, figures = [], {}
    off, price_off, money_off = 0.0, 0.0, 0.0
    for budget, visits, price in OPTIMA:
        found = KnapsackDual(gains, costs, budget).solve()
        streamed = histogram.plan(budget)
        off, price_off = max(off, abs(found.gain - visits)), max(price_off, abs(1000 * found.multiplier - price))
        money_off = max(money_off, abs(found.cost - budget))
        rows.append(
            (
                f"{budget:,}",
                f"{visits:.3f}",
                f"{found.gain:.3f}",
                f"{1000 * found.multiplier:.4f}",
                f"{streamed.gain:.3f}",
            )
        )
        figures[str(budget)] = {
            "visits": found.gain,
            "per_1000_yen": 1000 * found.multiplier,
            "cost": found.cost,
            "by_histogram": streamed.gain,
        }
    for budget, visits in OPTIMA_WITH_FLOORS:
        found = KnapsackDual(segment_gains, segment_costs, budget, users=sizes, floors=floors).solve()
        off, money_off = max(off, abs(found.gain - visits)), max(money_off, abs(found.cost - budget))
        rows.append(
            (
                f"{budget:,}, a tenth each",
                f"{visits:.3f}",
                f"{found.gain:.3f}",
                f"{1000 * found.multiplier:.4f}",
                "not with floors",
            )
        )
        figures[f"{budget} with floors"] = {"visits": found.gain, "per_1000_yen": 1000 * found.multiplier}
    columns = ("yen", "known optimum, visits", "the dual's", "for 1,000 yen more", "one pass in bins")
    show("PyOptBook: extra visits", columns, rows)
    least = None
    try:
        KnapsackDual(segment_gains, segment_costs, REFUSED, users=sizes, floors=floors).solve()
    except InfeasibleTotal as refused:
        least = refused.minimum
        print(f"{REFUSED:,} yen with floors: {refused}")
    figures["refused"] = {"budget": REFUSED, "least": least}
    return [
        bar("PyOptBook: largest error of 5 optima, visits", off, "<=", THREE_DECIMALS),
        bar("PyOptBook: largest error of 3 shadow prices per 1,000 yen", price_off, "<=", FOUR_DECIMALS),
        bar("PyOptBook: largest difference of cost and budget, yen", money_off, "<=", 0.01),
        bar(
            "PyOptBook: 500,000 yen with floors refused, error of the least budget that it names, yen",
            float("inf") if least is None else abs(least - LEAST),
            "<=",
            0.01,
        ),
    ], figures


if __name__ == "__main__":
    show("Bars", ("bar", "value", "goal", "holds"), [(b.id, b.value, b.goal, b.ok) for b in run()[0]])
