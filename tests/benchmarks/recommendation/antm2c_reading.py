"""Read one file in a process of its own, that imports nothing else, and print what it took as JSON: for bar 3."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from bethink.tools.recommendation.antm2c import read_antm2c
from bethink.tools.recommendation.antm2c_schema import Report

CORES = 2


def main(path: str) -> None:
    """Read everything on two cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    report, batches, largest = Report(), 0, 0
    before, start, worked = _peak_mb(), time.perf_counter(), time.process_time()
    for batch in read_antm2c(path, report=report, workers=CORES):
        batches, largest = batches + 1, max(largest, len(batch))
    found = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - worked}
    counts = {"read": report.read, "given": report.given, "refused": dict(report.refused)}
    memory = {"mb_before": before, "peak_mb": _peak_mb()}
    print(json.dumps(found | counts | memory | {"batches": batches, "largest_batch": largest}))


def _peak_mb() -> float:
    """Most memory of this process so far; ``getrusage`` would begin with that of the one which started it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main(sys.argv[1])
