"""A million dimensions on a CPU, what a cycle costs as the state grows, and the share of the memory's bandwidth."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from dataclasses import replace
from itertools import product
from statistics import median
from typing import Any, Literal

import numpy as np
import torch

from bethink.tools.filtering.kalman import LETKF
from bethink.tools.filtering.models import lorenz96
from bethink.tools.filtering.operators import operator_named
from bethink.tools.filtering.robust import RobustFilter
from bethink.tools.filtering.score_filter import EnsembleScoreFilter
from bethink.tools.filtering.twin import Filter, TwinExperiment, run_twin
from tests.benchmarks.report import RESULTS, Bar, bar, show

MEMBERS, CYCLES, STEPS = 20, 100, 60
SIZES = (1_000, 10_000, 100_000, 1_000_000)
COMPILER = shutil.which("g++") is not None
BYTES = 20
"""What one pseudo-time step must move for each number of the ensemble if it streams: four reads and one write of four
bytes (state, member, noise, observation; new state). Ours runs in cache, where those accesses cost less."""


def fast_filter(
    n_steps: int = STEPS, compiled: bool = COMPILER, stepper: Literal["euler", "exponential"] = "exponential"
) -> EnsembleScoreFilter:
    """The Ensemble Score Filter as large states want it: uniform increments, compiled where possible.

    The exponential stepper needs fewer steps than the paper's Euler-Maruyama, which is coarse with 60.
    """
    return EnsembleScoreFilter(n_steps=n_steps, stepper=stepper, increments="uniform", compiled=compiled)


def experiment(dimension: int, cycles: int) -> TwinExperiment:
    """The authors' setting (arctan, noise 0.05, every 10 steps of 0.01) at any size."""
    return TwinExperiment(
        lorenz96(dimension, dt=0.01), operator_named("arctan"), 0.05, cycles, 10, start="origin", free=False
    )


def million() -> tuple[list[Bar], dict[str, Any]]:
    """100 cycles at d = 1,000,000: time, memory, error."""
    start = time.perf_counter()

    def report(done: int) -> None:
        if done % 10 == 0:
            print(f"  cycle {done} of {CYCLES}, {time.perf_counter() - start:.0f} s", file=sys.stderr)

    result = run_twin(replace(experiment(1_000_000, CYCLES), burn_in=50), fast_filter(), MEMBERS, report)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    late, worst = result.after_burn_in(result.rmse), float(result.rmse[:, 20:].max())
    show(
        f"Lorenz-96, d = 1,000,000, {MEMBERS} members, {CYCLES} cycles, {STEPS} pseudo-time steps",
        ("", "value"),
        [
            ("minutes", seconds / 60),
            ("peak memory, GB", gigabytes),
            ("rmse, last 50 cycles", late),
            ("largest rmse after cycle 20", worst),
            ("spread", result.after_burn_in(result.spread)),
            ("CRPS (4,000 components)", result.after_burn_in(result.crps)),
        ],
    )
    figures = {"minutes": seconds / 60, "gigabytes": gigabytes, "rmse": late, "worst_rmse": worst}
    bars = [
        bar("d = 1,000,000: minutes for 100 cycles", seconds / 60, "<=", 20),
        bar("d = 1,000,000: peak memory, GB", gigabytes, "<=", 8),
        bar("d = 1,000,000: largest rmse after cycle 20 over climatology", worst / result.climatology, "<=", 0.25),
    ]
    return bars, figures


def seconds_a_cycle(method: Filter, dimension: int, rounds: int) -> float:
    """Median time of one cycle: ten model steps of the members, and the analysis."""
    e = experiment(dimension, 1)
    chance = torch.Generator().manual_seed(0)
    members = e.system.draw(MEMBERS, chance)
    y = e.operator.observe(e.system.draw(1, chance))[0]
    times = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        members = e.system.forecast(members, e.steps_between)
        members = method.analyse(members, y, e.operator, e.sd, chance)
        if number:
            times.append(time.perf_counter() - start)
    return median(times)


def growth() -> tuple[list[Bar], dict[str, Any]]:
    """Seconds a cycle from 10^3 to 10^6 components, the fitted exponent, and LETKF and the robust filter beside."""
    ensf = {d: seconds_a_cycle(fast_filter(), d, 5 if d < 1_000_000 else 3) for d in SIZES}
    letkf = {d: seconds_a_cycle(LETKF(radius=4, inflation=1.1), d, 3 if d < 100_000 else 1) for d in SIZES[:3]}
    robust = {d: seconds_a_cycle(RobustFilter(), d, 3 if d < 100_000 else 1) for d in SIZES[:3]}
    exponent = float(np.polyfit(np.log(list(ensf)), np.log(list(ensf.values())), 1)[0])
    columns = ("d", "EnSF", "LETKF", "robust")
    rows = [(f"{d:,}", ensf[d], letkf.get(d, "-"), robust.get(d, "-")) for d in SIZES]
    show(f"Seconds a cycle, {MEMBERS} members (ten model steps and the analysis)", columns, rows)
    draw({"EnSF": ensf, "LETKF": letkf, "robust": robust}, exponent)
    bars = [
        bar("cost of a cycle from 10^3 to 10^6: fitted exponent", exponent, "<=", 1.05),
        bar("d = 100,000: times faster a cycle than LETKF", letkf[100_000] / ensf[100_000], ">=", 5),
    ]
    return bars, {"seconds_a_cycle": {"EnSF": ensf, "LETKF": letkf, "robust": robust}, "exponent": exponent}


def draw(series: dict[str, dict[int, float]], exponent: float) -> None:
    """docs/results/filtering_scale.png: seconds a cycle against d."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6, 3.6), dpi=144, facecolor="white", layout="constrained")
    panel = figure.subplots()
    looks = {"EnSF": ("#0072b2", "o", "-"), "LETKF": ("#d55e00", "s", "--"), "robust": ("#009e73", "^", "-.")}
    for name, values in series.items():
        colour, marker, dash = looks[name]
        label = f"{name} (exponent {exponent:.2f})" if name == "EnSF" else name
        panel.loglog(list(values), list(values.values()), color=colour, marker=marker, linestyle=dash, label=label)
    panel.set_xlabel("components")
    panel.set_ylabel("seconds a cycle")
    panel.set_title(f"{MEMBERS} members, ten model steps and one analysis", loc="left", fontsize=10.5)
    panel.grid(True, color="#e6e8eb", linewidth=0.8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    FigureCanvasAgg(figure).print_png(str(RESULTS / "filtering_scale.png"))


def bandwidth(rounds: int = 5) -> float:
    """Bytes a second of c = a + b over three 256 MB arrays, the best of ``rounds`` (STREAM's Add, by torch)."""
    a, b = torch.ones(64_000_000), torch.ones(64_000_000)
    c, best = torch.empty_like(a), 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        torch.add(a, b, out=c)
        best = max(best, 3 * a.nbytes / (time.perf_counter() - start))
    return best


def throughput() -> tuple[list[Bar], dict[str, Any]]:
    """Bytes a second of the analysis, counted as BYTES a number and step, beside the memory's bandwidth."""
    d, steps = 400_000, 50
    chance = torch.Generator().manual_seed(0)
    members = 3 * torch.randn(MEMBERS, d, generator=chance)
    kinds: list[tuple[str, str, EnsembleScoreFilter]] = []
    steppers: tuple[Literal["exponential", "euler"], ...] = ("exponential", "euler")
    for name, stepper, compiled in product(("arctan", "identity"), steppers, (True, False) if COMPILER else (False,)):
        label = f"{name}, {stepper}, {'compiled' if compiled else 'as written'}"
        kinds.append((label, name, fast_filter(steps, compiled, stepper)))
    limit, best = 0.0, {kind[0]: float("inf") for kind in kinds}
    for _ in range(3):  # taking turns, so that a busy moment hits all
        limit = max(limit, bandwidth())
        for label, name, method in kinds:
            operator = operator_named(name)
            y = operator.observe(members.mean(0, keepdim=True))[0]
            start = time.perf_counter()
            method.analyse(members, y, operator, 0.05, chance)
            best[label] = min(best[label], time.perf_counter() - start)
    moved = BYTES * MEMBERS * d * steps
    rows = [(label, moved / best[label] / 1e9, moved / best[label] / limit) for label in best]
    show(f"Analysis, {BYTES} bytes a number and step; memory {limit / 1e9:.1f} GB/s", ("", "GB/s", "share"), rows)
    share = moved / best[kinds[0][0]] / limit
    bars = [bar(f"analysis step ({kinds[0][0]}): share of the memory's bandwidth", share, ">=", 0.25)]
    return bars, {"bandwidth_gb_per_s": limit / 1e9, "share": {label: share for label, _, share in rows}}


def run() -> tuple[list[Bar], dict[str, object]]:
    """All three."""
    bars, figures = [], {}
    for part in (throughput, growth, million):
        more, found = part()
        bars += more
        figures[part.__name__] = found
    return bars, figures


if __name__ == "__main__":
    run()
