"""What ``estimate_density`` chooses for a table: settings, the time it will take, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bethink.tools.contract import ToolError

TIMEOUT_S = 300.0
MAX_SECONDS = 60.0
"""Longest run that is begun, estimated for a quiet machine (one core of a 2023 server)."""
PATIENCE_S = 45.0
"""Before that no run is judged by its pace: the parts of a fit are not equally long."""
MAX_GENERATED = 20_000_000
"""Numbers in the file of generated rows: about 200 MB of text."""
HELD_OUT = 0.2
MOST_HELD_OUT = 5_000
"""Share of the rows kept for the score, and their most."""
COMPARED = 2_000
"""Generated and held-out rows whose distances are computed, at most."""
FEW_ROWS, PARTS_OF_FEW, PARTS = 1_000, 4, 2
"""Tables below that many rows are cut into more parts for the ranking, so that enough rows are left to learn from."""
LABELS: int | Literal["auto"] = "auto"
NET_SECONDS = 15.0
"""The net's training stops here, if its held-out pairs have not stopped it before."""
FIT_ROWS = (10_000, 5_000, 2_500)
RANKING_ROWS = (4_000, 2_000, 1_000)
"""Rows that become kernels, of the density and of those that rank rows: the first that lets the run end in time."""

# Costs in seconds on one core of the machine this was written on (`OMP_NUM_THREADS=1`), within a factor of two.
START_S = 3.0
"""Imports and pictures."""
TRIES = 60
"""Clusters and bandwidths tried, whose cost is that of held-out rows times rows."""
MOST_CHOSEN_BY = 1_500
PAIR_S, PAIR_COLUMN_S = 3e-9, 4e-10
"""A kernel's density at a row, and what each column adds."""
CLUSTERING_S = 6e-9
"""Finding clusters: for a row, a cluster of the most that are tried, and a square of the columns."""
LABELLING_S, LABELLING_COLUMN_S = 6.0, 0.05
"""The estimator makes fewer labels where each costs more."""
NETWORK_S, NETWORK_COLUMN_S = 5.0, 0.03
"""Training to its last batch."""
KERNELS_A_ROW = 1.5
"""Several layers of clusters each have kernels."""
SAMPLE_S = 4e-7
"""A generated number, with its text in the file."""


def parts_of(rows: int) -> int:
    """Into how many parts a table is cut to rank each part's rows by the others."""
    return PARTS_OF_FEW if rows < FEW_ROWS else PARTS


@dataclass(frozen=True)
class Plan:
    """How a table is fitted, and the estimated seconds of each part, in the order in which they run.

    ``rows`` become kernels of the density, ``ranking_rows`` of each density by which rows are ranked.
    """

    train: int
    held_out: int
    rows: int
    ranking_rows: int
    parts: dict[str, float]

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return sum(self.parts.values())

    def share(self, part: str, done: float = 0.0) -> float:
        """The share of the whole run when ``done`` of a part is."""
        before = 0.0
        for name, seconds in self.parts.items():
            if name == part:
                return min(1.0, (before + done * seconds) / self.seconds)
            before += seconds
        raise KeyError(part)


def plan_for(rows: int, columns: int, generate: int) -> Plan:
    """The plan for a table of complete ``rows`` and fitted ``columns``: with the most kernels that end in time.

    Example:
        >>> plan_for(5_000, 2, 1_000).held_out
        1000
    """
    plans = (_plan(rows, columns, generate, fit, rank) for fit in FIT_ROWS for rank in RANKING_ROWS)
    for plan in plans:
        if plan.seconds <= MAX_SECONDS:
            return plan
    return plan


def _plan(rows: int, columns: int, generate: int, fit_rows: int, ranking_rows: int) -> Plan:
    held_out = max(2, min(round(HELD_OUT * rows), MOST_HELD_OUT))
    train = rows - held_out
    used, parts = min(train, fit_rows), parts_of(rows)
    others = min(rows - rows // parts, ranking_rows)
    kernel = KERNELS_A_ROW * (PAIR_S + PAIR_COLUMN_S * columns)
    seconds = {
        "start": START_S / 2,
        "fit": _choosing(used, columns) + LABELLING_S + NETWORK_S + (LABELLING_COLUMN_S + NETWORK_COLUMN_S) * columns,
        "score": held_out * used * kernel,
        "generate": SAMPLE_S * generate * columns + 1.0,
        "odd": parts * _choosing(others, columns) + rows * others * kernel,
        "draw": START_S / 2 + (4_500 * used * kernel if columns <= 2 else 0.0),
    }
    return Plan(train, held_out, used, others, seconds)


def _choosing(rows: int, columns: int) -> float:
    """Seconds to choose clusters and bandwidths for so many rows."""
    pairs = rows * min(MOST_CHOSEN_BY, rows / 5)
    clusters = min(128, rows / (4 * (columns + 1)))
    return TRIES * pairs * (PAIR_S + PAIR_COLUMN_S * columns) + CLUSTERING_S * rows * clusters * (columns + 4) ** 2


def refuse_if_too_big(plan: Plan, rows: int, columns: int, generate: int) -> None:
    """Refuse what would not end in time, or a file too large.

    Raises:
        ToolError: code ``limit``, with the estimate and what would fit.
    """
    if generate * columns > MAX_GENERATED:
        message = (
            f"{generate:,} rows of {columns} columns are {generate * columns:,} numbers; {MAX_GENERATED:,} is the most."
        )
        raise ToolError("limit", message, f"Generate at most {MAX_GENERATED // columns:,} rows.")
    if plan.seconds > MAX_SECONDS:
        message = (
            f"This would take about {plan.seconds:.0f} s on a quiet machine ({rows:,} rows, {columns} columns); "
            f"{MAX_SECONDS:.0f} s is the most."
        )
        fits = largest_that_fits(rows, columns, generate)
        instead = f"Give at most {fits:,} rows, or fewer columns" if fits else "Use fewer columns"
        raise ToolError("limit", message, f"{instead} (`columns` picks some), or generate fewer rows.")


def largest_that_fits(rows: int, columns: int, generate: int) -> int:
    """Rows of a table that would end in time, two significant digits; 0 where none would."""
    low, high = 0, rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if plan_for(middle, columns, generate).seconds <= MAX_SECONDS else (low, middle)
    return int(float(f"{low:.2g}")) if low < 100 or float(f"{low:.2g}") <= low else int(float(f"{0.95 * low:.2g}"))


def refuse_if_too_slow(plan: Plan, done: float, seconds: float) -> None:
    """Stop a run early that at its pace (a busy or a slow machine's, say) would not end in time.

    Raises:
        ToolError: code ``limit``, with the projected seconds.
    """
    if seconds > PATIENCE_S and done > 0 and seconds / done > TIMEOUT_S:
        message = (
            f"At this machine's pace the run would take about {seconds / done:.0f} s "
            f"(estimated: {plan.seconds:.0f} s); {TIMEOUT_S:.0f} s is the most."
        )
        raise ToolError("limit", message, "Give fewer rows or columns, or try again when the machine is less busy.")
