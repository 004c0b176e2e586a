"""``make bench NAME=filtering``: every bar of the filters; the better part of an hour on two cores (estimated).

``ONLY=scale,bao2024 make bench NAME=filtering`` measures some parts anew; the others' figures stay in the file, each
part with the date and commit it was measured at.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "scale": "cost and memory; first, as its peak memory is the process's own",
    "linear_gaussian": "against the exact Kalman filter",
    "sakov2008": "against published scores",
    "bao2024": "the paper's own setting",
    "regimes": "who wins where",
    "bad_input": "what bad input gets",
}

if __name__ == "__main__":
    run_parts("filtering", PARTS, ("torch", "numpy", "bethink"))
