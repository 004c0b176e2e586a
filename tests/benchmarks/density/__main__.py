"""``make bench NAME=density``: every bar of density estimation.

``ONLY=known,quality make bench NAME=density`` measures some parts anew; the others' figures stay in the file, each part
with the date and commit it was measured at. ``BETHINK_DENSITY_DATA`` names the folder of real tables, and
``BETHINK_BENCH_CACHE`` one to keep finished jobs in, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from tests.benchmarks.report import RESULTS, Bar, commit, finish

PARTS = {
    "scale": "bar 4: the score against the matmul limit, cost against n and d",
    "known": "bar 1: integrals and known densities",
    "quality": "bar 2: samples at equal wall time, copies, sampling speed",
    "tables": "bar 3: real tables",
    "anomalies": "bar 5: odd rows",
    "bad_input": "bar 6: what bad input gets",
}
"""Each is a module of this package with ``run() -> (bars, figures)``."""


def main() -> None:
    """Run the parts, print the bars, write docs/results/density.json."""
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        sys.exit(f"There is no part {', '.join(sorted(unknown))}. Choose from {', '.join(PARTS)}.")
    file = RESULTS / "density.json"
    parts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.exists() else {}
    for name in (part for part in PARTS if part in wanted):
        measured_at = commit()
        bars, figures = import_module(f"tests.benchmarks.density.{name}").run()
        parts[name] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": measured_at,
            "bars": [asdict(b) for b in bars],
            **figures,
        }
        all_bars = [Bar(**b) for part in PARTS if part in parts for b in parts[part]["bars"]]
        kept = {part: parts[part] for part in PARTS if part in parts}
        finish("density", kept, all_bars, packages=("torch", "numpy", "scikit-learn", "zuko", "bethink"))


if __name__ == "__main__":
    main()
