"""Lorenz-96 as DAPPER's ``mods/Lorenz96/sakov2008.py`` sets it, beside DAPPER itself and beside its table.

``python -m tests.benchmarks.filtering.sakov2008`` (three to four minutes). d = 40, every component observed at every
step of 0.05 with errors N(0, 1), 1000 cycles of which the first 400 are left out, as in DAPPER (``BurnIn`` of 20 time
units). DAPPER takes part when ``BETHINK_DAPPER_PYTHON`` names a Python that has it.

One difference in the set-up: DAPPER draws truth and members around the same point off the attractor; here the truth
has been followed onto the attractor first, and the members start around it with the same standard deviation. Nothing
of either start is left after 400 cycles. Replicates are independent worlds; a replicate whose mean RMSE is above 1
(worse than the observations) counts as lost, and medians over the replicates are compared, so that a lost one weighs
no more than any other.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from bethink.tools.filtering.kalman import LETKF, EnKF
from bethink.tools.filtering.models import lorenz96
from bethink.tools.filtering.operators import operator_named
from bethink.tools.filtering.robust import RobustFilter
from bethink.tools.filtering.score_filter import EnsembleScoreFilter
from bethink.tools.filtering.twin import Filter, TwinExperiment, run_twin
from tests.benchmarks.report import Bar, bar, show

PEER = Path(__file__).parents[1] / "peers" / "dapper_scores.py"
SETTINGS = "Lorenz96.sakov2008"
PEER_SEEDS = 10
EXPERIMENT = TwinExperiment(
    system=lorenz96(40),
    operator=operator_named("identity"),
    sd=1.0,
    cycles=1000,
    steps_between=1,
    seed=1,
    replicates=32,
    burn_in=400,
    start="truth",
    start_sd=0.001**0.5,
    dtype=torch.float64,
    watch=(0,),
    free=False,
)


@dataclass(frozen=True)
class Entry:
    """One line of the table: our filter, and DAPPER's with its RMSE in the table there (two digits)."""

    name: str
    method: Filter
    members: int
    replicates: int
    peer: tuple[str, dict[str, Any]] | None = None
    table: float | None = None


ENTRIES = (
    Entry("EnKF", EnKF(inflation=1.06), 40, 32, ("EnKF", {"upd_a": "PertObs", "N": 40, "infl": 1.06}), 0.22),
    Entry("EnKF", EnKF(inflation=1.08), 28, 32, ("EnKF", {"upd_a": "PertObs", "N": 28, "infl": 1.08}), 0.24),
    Entry(
        "LETKF",
        LETKF(radius=4, rotate=True, inflation=1.04),
        7,
        32,
        ("LETKF", {"N": 7, "infl": 1.04, "rot": True, "loc_rad": 4}),
        0.22,
    ),
    Entry("RobustFilter, defaults", RobustFilter(), 20, 4),
    Entry("RobustFilter, defaults", RobustFilter(), 40, 4),
    Entry("EnSF own (a)", EnsembleScoreFilter(eps_b=0.01, state_scale=2, n_steps=50, stepper="exponential"), 40, 4),
    Entry(
        "EnSF softmax (a)",
        EnsembleScoreFilter(prior="softmax", state_scale=1.4, n_steps=50, stepper="exponential"),
        40,
        4,
    ),
    Entry("EnSF own, defaults", EnsembleScoreFilter(n_steps=50, stepper="exponential"), 40, 4),
    Entry("EnSF softmax, defaults", EnsembleScoreFilter(prior="softmax", n_steps=50, stepper="exponential"), 40, 4),
)
NOTES = (
    "(a) the best RMSE of 75 combinations of state_scale, eps_b and eps_a for each prior, tried on other worlds (4 "
    "replicates of 250 cycles); all EnSF rows with 50 exponential steps, else defaults."
)


@dataclass(frozen=True)
class Scores:
    """RMSE and spread of the analysis, one of each a replicate, and seconds for all."""

    rmse: Sequence[float]
    spread: Sequence[float]
    seconds: float

    @property
    def lost(self) -> int:
        """Replicates that were worse than the observations alone."""
        return sum(not value < EXPERIMENT.sd for value in self.rmse)


def ours(entry: Entry) -> Scores:
    """All replicates in one batch."""
    start = time.perf_counter()
    result = run_twin(replace(EXPERIMENT, replicates=entry.replicates), entry.method, entry.members)
    after = slice(result.burn_in, None)
    return Scores(
        result.rmse[:, after].mean(1).tolist(), result.spread[:, after].mean(1).tolist(), time.perf_counter() - start
    )


def theirs(entries: Sequence[Entry]) -> tuple[list[Scores | None], str]:
    """DAPPER's scores for the entries that name a peer, and its version or why it is left out."""
    nothing: list[Scores | None] = [None] * len(entries)
    python = os.environ.get("BETHINK_DAPPER_PYTHON")
    if not python:
        return nothing, "DAPPER is left out: BETHINK_DAPPER_PYTHON does not name a Python that has it."
    jobs = [
        {"settings": SETTINGS, "method": entry.peer[0], "options": entry.peer[1], "seed": seed}
        for entry in entries
        if entry.peer
        for seed in range(1, PEER_SEEDS + 1)
    ]
    asked = "".join(json.dumps(job) + "\n" for job in jobs)
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run([python, str(PEER)], input=asked, capture_output=True, text=True, env=one_thread)
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    if found.returncode or len(answers) != len(jobs) + 1:
        lines = found.stderr.strip().splitlines()
        return nothing, f"DAPPER is left out: {lines[-1] if lines else 'it gave no answer'}."
    values = iter(answers[1:])
    scores: list[Scores | None] = []
    for entry in entries:
        mine = [next(values) for _ in range(PEER_SEEDS)] if entry.peer else []
        scores.append(
            Scores(*([each[key] for each in mine] for key in ("rmse", "spread")), sum(each["seconds"] for each in mine))
            if mine
            else None
        )
    return scores, f"DAPPER {answers[0]['version']}"


def run() -> tuple[list[Bar], dict[str, object]]:
    """Print the table, and DAPPER's version or why it is left out; bars and rows."""
    rows: list[tuple[object, ...]] = []
    bars: list[Bar] = []
    peers, version = theirs(ENTRIES)
    for entry, peer in zip(ENTRIES, peers, strict=True):
        own = ours(entry)
        rows.append((entry.name, entry.members, "ours", *_cells(own)))
        if peer:
            rows.append((entry.name, entry.members, "DAPPER", *_cells(peer)))
        if entry.table is None:
            continue
        rows.append((entry.name, entry.members, "DAPPER's table", entry.table, *"-----"))
        label = f"sakov2008, {entry.name}, N = {entry.members}: RMSE"
        off = abs(median(own.rmse) / median(peer.rmse) - 1) if peer else None
        bars.append(bar(f"{label}, relative difference to DAPPER's own", off, "<=", 0.05))
        # the table's two digits: 0.22 stands for anything from 0.215 to 0.225
        beyond = max(0.0, abs(median(own.rmse) - entry.table) - 0.005) / entry.table
        bars.append(bar(f"{label}, relative difference to DAPPER's table beyond its rounding", beyond, "<=", 0.05))
    show(TITLE, COLUMNS, rows)
    print(version, NOTES, sep="\n")
    return bars, {"columns": COLUMNS, "rows": rows, "peer": version}


def _cells(scores: Scores) -> tuple[object, ...]:
    count = len(scores.rmse)
    return (
        median(scores.rmse),
        mean(scores.rmse),
        stdev(scores.rmse) / count**0.5,
        median(scores.spread),
        f"{scores.lost}/{count}",
        scores.seconds / count,
    )


COLUMNS = ("filter", "N", "whose", "median", "mean", "s.e.", "spread", "lost", "s each")
TITLE = "Analysis RMSE on Lorenz-96 with 40 sites, over replicates; seconds: the whole batch's over its replicates"


if __name__ == "__main__":
    torch.set_num_threads(1)
    run()
