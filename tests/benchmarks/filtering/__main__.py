"""``make bench NAME=filtering``: every bar of the filters; the better part of an hour on two cores (estimated).

``ONLY=scale,bao2024 make bench NAME=filtering`` measures some parts anew; the others' figures stay in the file, each
part with the date and commit it was measured at.
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

PARTS = ("scale", "linear_gaussian", "sakov2008", "bao2024", "regimes", "bad_input")
"""Scale first: its peak memory is the process's own."""


def main() -> None:
    """Run the parts, print the bars, write docs/results/filtering.json."""
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        sys.exit(f"There is no part {', '.join(sorted(unknown))}. Choose from {', '.join(PARTS)}.")
    file = RESULTS / "filtering.json"
    parts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.exists() else {}
    for name in (part for part in PARTS if part in wanted):
        measured_at = commit()
        bars, figures = import_module(f"tests.benchmarks.filtering.{name}").run()
        parts[name] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": measured_at,
            "bars": [asdict(b) for b in bars],
            **figures,
        }
        all_bars = [Bar(**b) for part in PARTS if part in parts for b in parts[part]["bars"]]
        kept = {part: parts[part] for part in PARTS if part in parts}
        finish("filtering", kept, all_bars, packages=("torch", "numpy", "bethink"))


if __name__ == "__main__":
    main()
