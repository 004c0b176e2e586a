"""``make bench NAME=filtering``: every bar of the filters. ``ONLY=scale,bao2024`` runs a part (nothing is written)."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from tests.benchmarks.report import Bar, finish, show

PARTS = ("scale", "linear_gaussian", "sakov2008", "bao2024", "regimes", "bad_input")
"""Scale first: its peak memory is the process's own."""


def main() -> None:
    """Run the parts, print the bars, write docs/results/filtering.json."""
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name]
    bars: list[Bar] = []
    figures: dict[str, Any] = {}
    for name in wanted or PARTS:
        more, found = import_module(f"tests.benchmarks.filtering.{name}").run()
        bars += more
        figures[name] = found
    if not wanted:
        finish("filtering", figures, bars, packages=("torch", "numpy", "bethink"))
        return
    words = {True: "yes", False: "NO", None: "not measured"}
    show("Bars", ("bar", "value", "goal", "holds"), [(b.id, b.value, b.goal, words[b.ok]) for b in bars])


if __name__ == "__main__":
    main()
