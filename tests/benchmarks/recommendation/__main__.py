"""``make bench NAME=recommendation``: every bar of search and recommendation.

``ONLY=cold_start,transfer make bench NAME=recommendation`` measures some parts anew; the others' figures stay in the
file, each part with the date and commit it was measured at. ``BETHINK_RECO_DATA`` names the folder of the sets, which
are not ours to pass on; without it what needs them is not measured. ``BETHINK_RECO_SETS`` names some of the sets.
``BETHINK_BENCH_CACHE`` names a folder to keep finished trainings and text vectors in, so that a run that was stopped
goes on.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "cold_start": "bar 1: items nobody has met, beside baselines",
    "transfer": "bar 2: a new scenario with little data",
    "antm2c": "bar 3: AntM2C's files and tasks, synthetic",
    "retrieval": "bar 4: the first k of all items",
    "requests": "bar 5: scripted requests in the chat and over tools call, a taste told the day before",
}

if __name__ == "__main__":
    run_parts("recommendation", PARTS, ("torch", "numpy", "scikit-learn", "torch-rechub", "faiss-cpu", "bethink"))
