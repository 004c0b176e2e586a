"""``make bench NAME=budget``: every bar of budget allocation.

``ONLY=exact,learned make bench NAME=budget`` measures some parts anew; the others' figures stay in the file, each part
with the date and commit it was measured at. ``BETHINK_BUDGET_DATA`` names the folder of real campaigns, and
``BETHINK_BENCH_CACHE`` one to keep finished trainings in, so that a run that was stopped goes on.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "scale": "bar 6: ten million users; first, as its peak memory is the process's own",
    "exact": "bar 1: the mixture against the linear program",
    "learned": "bar 2: learned from logs, tabular",
    "neural": "bar 3: learned from logs, neural, beside d3rlpy",
    "guarantees": "bar 4: what is overspent and left over",
    "evaluation": "bar 5: off-policy evaluation and real campaigns",
    "pyoptbook": "bar 5: a textbook's optima",
    "requests": "bars 5 and 7: scripted requests in the chat and on the command line",
}

if __name__ == "__main__":
    run_parts("budget", PARTS, ("torch", "numpy", "scipy", "d3rlpy", "ray", "bethink"))
