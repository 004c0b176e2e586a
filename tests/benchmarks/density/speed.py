"""Seconds for a million samples in two dimensions, on one thread: one forward pass beside flows and ODE models.

One thread for all, since a second one costs more than it gives on a busy machine and then says little about the models.
Peers draw fewer rows and their time is scaled up; the table says how many. It gives two times for each peer: all rows in
one call, as its users would ask, and in blocks of the size that is fastest for it among those tried (ours takes blocks
by itself). The bars go by the latter, which is the smaller. Only the time of sampling counts, so every model is fitted for a few
seconds on two moons; zuko's continuous flow gets longer, since its adaptive solver is the faster the less it has learnt.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

from bethink.tools.density.toys import toy_named
from tests.benchmarks.density.peers import Model, Network, peers_named
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, alternate, bar, show

ROWS, ROUNDS = 1_000_000, 3
DRAWN = {"ours": ROWS, "NSF": 200_000, "MAF": 200_000, "flow matching": 50_000, "CNF": 20_000}
BLOCKS = (500, 2_000, 10_000)
SECONDS, LONGER = 5.0, {"CNF": 30.0}
"""Seconds of training."""


def sampling(seconds: float = SECONDS) -> dict[str, Any]:
    """The job: seconds for ``ROWS`` rows of each model, the median of rounds in turn, and each one's block."""
    train = toy_named("two_moons", 5_000, seed=0)
    models = {model.name: model for model in peers_named(list(DRAWN))}
    blocks: dict[str, int] = {}
    for model in models.values():
        print(f"  sampling: fit {model.name}", file=sys.stderr)
        model.fit(train, LONGER.get(model.name, seconds), 0)
        model.sample(1_000)
        if isinstance(model, Network):
            tried = {block: timed(model, max(BLOCKS), block) for block in BLOCKS}
            blocks[model.name] = min(BLOCKS, key=lambda block: tried[block])
    runs = {name: partial(timed, models[name], DRAWN[name], blocks.get(name)) for name in models}
    calls = {f"{name}, one call": partial(timed, models[name], DRAWN[name], DRAWN[name]) for name in blocks}
    found = alternate({**runs, **calls}, ROUNDS)
    scaled = {name: seconds * ROWS / DRAWN[name.removesuffix(", one call")] for name, seconds in found.items()}
    return {"seconds": scaled, "blocks": blocks}


def timed(model: Model, rows: int, block: int | None) -> float:
    """Seconds that sampling takes, in blocks of that many rows where the model leaves it to us."""
    if isinstance(model, Network) and block:
        model.chunk = block
    start = time.perf_counter()
    model.sample(rows, 1)
    return time.perf_counter() - start


def sampling_speed() -> tuple[list[Bar], dict[str, Any]]:
    """Print the table; ours against NSF, and against flow matching and the continuous flow."""
    (found,) = side_by_side("sampling", sampling, [(SECONDS,)])
    seconds, blocks = found["seconds"], found["blocks"]
    times = {name: value / seconds["ours"] for name, value in seconds.items()}
    rows: list[tuple[object, ...]] = [("ours", f"{ROWS:,}", "-", seconds["ours"], 1.0, "-", "-")]
    for name, block in blocks.items():
        call = f"{name}, one call"
        rows.append((name, f"{DRAWN[name]:,}", f"{block:,}", seconds[name], times[name], seconds[call], times[call]))
    title = f"Seconds for {ROWS:,} rows in 2-D on one thread, median of {ROUNDS}"
    show(title, ("model", "rows drawn", "block", "seconds", "over ours", "s, one call", "over ours"), rows)
    bars = [
        bar("sampling in 2-D: times faster than NSF", times["NSF"], ">=", 20),
        bar("sampling in 2-D: times faster than flow matching", times["flow matching"], ">=", 50),
        bar("sampling in 2-D: times faster than a continuous flow (zuko)", times["CNF"], ">=", 50),
    ]
    return bars, {**found, "drawn": DRAWN}


if __name__ == "__main__":
    sampling_speed()
