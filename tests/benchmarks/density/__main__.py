"""``make bench NAME=density``: every bar of density estimation.

``ONLY=known,quality make bench NAME=density`` measures some parts anew; the others' figures stay in the file, each part
with the date and commit it was measured at. ``BETHINK_DENSITY_DATA`` names the folder of real tables, and
``BETHINK_BENCH_CACHE`` one to keep finished jobs in, so that a run that was stopped goes on.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "scale": "bar 4: the score against the matmul limit, cost against n and d",
    "known": "bar 1: integrals and known densities",
    "quality": "bar 2: samples at equal wall time, copies, sampling speed",
    "tables": "bar 3: real tables",
    "anomalies": "bar 5: odd rows",
    "bad_input": "bar 6: what bad input gets",
}

if __name__ == "__main__":
    run_parts("density", PARTS, ("torch", "numpy", "scikit-learn", "zuko", "bethink"))
