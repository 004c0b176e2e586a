"""The score against the matmul limit, what a fit costs as rows and columns grow, and a million rows.

``BETHINK_DENSITY_QUICK=1 ONLY=scale make bench NAME=density``, or ``python -m tests.benchmarks.density.scale quick``,
tries every part on small tables; its bars then say nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from bethink.tools.density.estimator import DiffusionDensity
from bethink.tools.density.score import denoised_mean
from bethink.tools.density.toys import gaussian_mixture
from tests.benchmarks.report import RESULTS, Bar, bar, show

QUERIES, SQUARE, TIME = 4096, 1024, 0.1
SHAPES = [(rows, columns) for columns in (2, 10, 64) for rows in (5_000, 20_000)]
BLOCKS = (64, 256, 1024)
"""Queries at a time of the bare products; the fastest counts."""
ROUNDS = 7
GOAL_COLUMNS = (10, 64)
ROWS, COLUMNS = (1_000, 3_000, 10_000, 30_000, 100_000), (2, 5, 10, 20, 50)
FEW_ROWS, FEW_COLUMNS = (200, 1_000), (2,)
MILLION = 1_000_000
GIGABYTES = 1.5
"""Peak memory of the whole process for 100,000 rows of 10 columns, Python and torch included."""


# -- the score --------------------------------------------------------------------------------------------------------


def best_of(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least seconds of each, taking turns, so that a busy moment hits all of them. A first round is not counted."""
    best = dict.fromkeys(works, float("inf"))
    for number in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if number:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def bare_products(z: torch.Tensor, rows: torch.Tensor, block: int) -> Callable[[], object]:
    """z rows^T and (that) rows, for ``block`` queries at a time into the same memory: the score without its softmax."""
    logits, found = torch.empty(block, len(rows)), torch.empty_like(z)

    def work() -> None:
        for part, into in zip(z.split(block), found.split(block), strict=True):
            torch.mm(part, rows.T, out=logits)
            torch.mm(logits, rows, out=into)

    return work


def throughput(quick: bool = False) -> tuple[list[Bar], dict[str, Any]]:
    """The score's rate, counting only the 4 B J d operations of its two products, beside those products and a square one.

    A multiplication and an addition are two operations. The limit of a score is its own two products without the
    softmax; a square product of 1024^3, which few columns cannot come near, stands beside it. All are measured in turn.
    """
    chance = torch.Generator().manual_seed(0)
    rounds = 2 if quick else ROUNDS
    square = torch.randn(SQUARE, SQUARE, generator=chance)
    into = torch.empty_like(square)
    rows, figures = [], {}
    shares, square_shares = dict.fromkeys(GOAL_COLUMNS, float("inf")), dict.fromkeys(GOAL_COLUMNS, float("inf"))
    for count, columns in SHAPES:
        z, sample = torch.randn(QUERIES, columns, generator=chance), torch.randn(count, columns, generator=chance)

        def ours(z: torch.Tensor = z, sample: torch.Tensor = sample) -> object:
            return denoised_mean(z, sample, TIME)

        works: dict[str, Callable[[], object]] = {
            "square": lambda: torch.mm(square, square, out=into),
            "score": ours,
            **{f"bare {block}": bare_products(z, sample, block) for block in BLOCKS},
        }
        seconds = best_of(works, rounds)
        operations = 4 * QUERIES * count * columns
        bare = min(seconds[f"bare {block}"] for block in BLOCKS)
        rate, limit = operations / seconds["score"] / 1e9, 2 * SQUARE**3 / seconds["square"] / 1e9
        if columns in shares:
            shares[columns] = min(shares[columns], bare / seconds["score"])
            square_shares[columns] = min(square_shares[columns], rate / limit)
        nanoseconds = seconds["score"] / (QUERIES * count) * 1e9
        rows.append((f"{count:,} x {columns}", nanoseconds, rate, bare / seconds["score"], limit, rate / limit))
        figures[f"{count}x{columns}"] = {
            "nanoseconds_a_pair": nanoseconds,
            "gflops": rate,
            "share_of_bare_products": bare / seconds["score"],
            "square_gflops": limit,
            "share_of_square": rate / limit,
        }
    columns_shown = ("rows x columns", "ns a pair", "GFLOP/s", "of bare products", f"{SQUARE}^3: GFLOP/s", "share")
    title = f"Score of {QUERIES:,} queries, {torch.get_num_threads()} threads, best of {rounds}"
    show(title, columns_shown, rows)
    bars = [
        bar(f"score, d = {d}: share of what its two bare matrix products reach", shares[d], ">=", 0.30)
        for d in GOAL_COLUMNS
    ]
    widest = max(GOAL_COLUMNS)
    bars.append(bar(f"score, d = {widest}: share of a {SQUARE}^3 product's rate", square_shares[widest], ">=", 0.30))
    return bars, {"threads": torch.get_num_threads(), "score": figures}


# -- fits -------------------------------------------------------------------------------------------------------------


def fit_cost(rows: int, columns: int) -> dict[str, Any]:
    """Fit with defaults in this process, which should be a fresh one: seconds of each part, and peak memory."""
    table = gaussian_mixture(columns).sample(rows)
    empty = peak_gigabytes()
    model = DiffusionDensity(random_state=0).fit(table)
    choosing = model.fit_seconds_ - model.label_seconds_ - model.train_seconds_
    return {
        "choosing": choosing,
        "labels": model.label_seconds_,
        "network": model.train_seconds_,
        "seconds": model.fit_seconds_,
        "gigabytes": peak_gigabytes(),
        "gigabytes_before": empty,
        "steps": model.history_[-1][0],
    }


def peak_gigabytes() -> float:
    """Most memory this process has had so far. (Linux's ``ru_maxrss`` begins with what the parent process had.)"""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return found / 1e9 if sys.platform == "darwin" else found * 1024 / 1e9


def in_a_process_of_its_own(rows: int, columns: int) -> dict[str, Any]:
    """``fit_cost`` with memory that is only its own."""
    print(f"  fit of {rows:,} x {columns}", file=sys.stderr)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(fit_cost, rows, columns).result()


def growth(quick: bool = False) -> tuple[list[Bar], dict[str, Any]]:
    """Seconds and memory of a fit against rows (10 columns) and against columns (10,000 rows)."""
    all_rows, all_columns = (FEW_ROWS, FEW_COLUMNS) if quick else (ROWS, COLUMNS)
    of_columns = 1_000 if quick else 10_000
    shapes = list(dict.fromkeys([(n, 10) for n in all_rows] + [(of_columns, d) for d in all_columns]))
    found = {shape: in_a_process_of_its_own(*shape) for shape in shapes}
    shown = ("choosing", "labels", "network", "seconds", "gigabytes")
    rows = [(f"{n:,} x {d}", *(float(cost[key]) for key in shown)) for (n, d), cost in found.items()]
    show("Fit with defaults: seconds, and peak GB of the process", ("rows x columns", *shown), rows)
    by_rows, by_columns = {n: found[n, 10] for n in all_rows}, {d: found[of_columns, d] for d in all_columns}
    if not quick:
        draw(by_rows, by_columns, of_columns)
    most = max(by_rows)
    name = f"fit of {most:,} x 10: peak memory of the process, GB"
    bars = [bar(name, by_rows[most]["gigabytes"], "<=", GIGABYTES)]
    return bars, {"by_rows": by_rows, "by_columns": by_columns}


def draw(by_rows: dict[int, dict[str, Any]], by_columns: dict[int, dict[str, Any]], of_columns: int) -> None:
    """docs/results/density_cost.png: seconds of each part of a fit, against rows and against columns."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(7.2, 3.5), dpi=144, facecolor="white", layout="constrained")
    looks = {
        "seconds": ("whole fit", "#1f2328", "o", "-"),
        "choosing": ("choosing", "#0072b2", "s", "--"),
        "labels": ("labels", "#d55e00", "^", "-."),
        "network": ("network", "#009e73", "D", ":"),
    }
    sides = [(by_rows, "rows (10 columns)"), (by_columns, f"columns ({of_columns:,} rows)")]
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (found, words) in zip(panels, sides, strict=True):
        for key, (label, colour, marker, dash) in looks.items():
            values = [max(cost[key], 1e-2) for cost in found.values()]
            panel.loglog(list(found), values, color=colour, marker=marker, markersize=5, linestyle=dash, label=label)
        panel.set_xticks(list(found))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}k" if x >= 1000 else f"{x:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(words, fontsize=11)
        panel.tick_params(labelsize=10)
        panel.grid(True, color="#e6e8eb", linewidth=0.8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("seconds", fontsize=11)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=10
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(str(RESULTS / "density_cost.png"))


def million(quick: bool = False) -> tuple[list[Bar], dict[str, Any]]:
    """The largest: a million rows of 10 columns with defaults."""
    rows = 5_000 if quick else MILLION
    found = in_a_process_of_its_own(rows, 10)
    shown = ("seconds", "choosing", "labels", "network", "gigabytes", "gigabytes_before")
    show(f"Fit of {rows:,} x 10 with defaults", ("", "value"), [(key, float(found[key])) for key in shown])
    return [], found


def run(quick: bool | None = None) -> tuple[list[Bar], dict[str, Any]]:
    """All three."""
    quick = bool(os.environ.get("BETHINK_DENSITY_QUICK")) if quick is None else quick
    bars: list[Bar] = []
    figures: dict[str, Any] = {"quick": quick}
    for part in (throughput, growth, million):
        more, found = part(quick)
        bars += more
        figures[part.__name__] = found
    return bars, figures


if __name__ == "__main__":
    run(quick="quick" in sys.argv[1:] or None)
