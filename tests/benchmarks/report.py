"""What every benchmark ends with: a table on the screen and a file in docs/results that judges itself by its bars."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Literal

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "results.md"
WRITTEN = ("results", "results.md", "screenshots")
INTRO = """# Results

What `make bench` measured last, bar by bar; `make bench NAME=...` runs one bench anew, and this page with it. Each bench
says what it compares with whom, and has all its figures in its file. Numbers in the other pages and in the README are
from these files. A bar that is not met is said to be so.
"""


@dataclass(frozen=True)
class Bar:
    """One bar: what was measured, what was wanted, and whether it holds (None: not measured this time)."""

    id: str
    value: float | None
    goal: str
    ok: bool | None


def bar(name: str, value: float | None, wanted: Literal[">=", "<="], goal: float) -> Bar:
    """Judge ``value`` by a fixed goal; a missing value is neither good nor bad, it is missing."""
    if value is None:
        return Bar(name, None, f"{wanted} {goal:g}", None)
    ok = value >= goal if wanted == ">=" else value <= goal
    return Bar(name, round(value, 4), f"{wanted} {goal:g}", ok)


def machine() -> dict[str, Any]:
    """What it ran on, in words that say nothing about whose machine it is."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), processor)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory: float | None = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return {"system": platform.system(), "processor": processor, "cores": cores, "memory_gb": memory}


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Python's version and those of the installed ones among ``packages``."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that was measured, with ``+changes`` when files differ from it that benches do not write."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--", *(f":!docs/{own}" for own in WRITTEN)).strip()
        return git("rev-parse", "--short", "HEAD").strip() + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def alternate(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each run over ``rounds``, the runs taking turns so that a busy moment hits all of them."""
    values: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            print(f"  round {number + 1}/{rounds}: {name}", file=sys.stderr)
            values[name].append(run())
    return {name: median(found) for name, found in values.items()}


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print one table; the first column is text, the others numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def finish(
    name: str, figures: dict[str, Any], bars: Sequence[Bar], *, packages: Sequence[str] = (), folder: Path = RESULTS
) -> Path:
    """Print the bars and write ``docs/results/NAME.json``."""
    words = {True: "yes", False: "NO", None: "not measured"}
    rows = [(b.id, "-" if b.value is None else b.value, b.goal, words[b.ok]) for b in bars]
    show(f"Bars of {name}", ("bar", "value", "goal", "holds"), rows)
    data = {
        "benchmark": name,
        "machine": machine(),
        "versions": versions(packages),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "whole": all(b.ok is not None for b in bars),
        "figures": figures,
        "bars": [asdict(b) for b in bars],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Written: {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    if folder == RESULTS:
        PAGE.write_text(page(), encoding="utf-8")
    return path


def page(folder: Path = RESULTS) -> str:
    """``docs/results.md``: the bars of every bench whose file is in the folder, and its pictures."""
    parts = [INTRO]
    for file in sorted(folder.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        name, bars, where = found["benchmark"], [Bar(**each) for each in found["bars"]], found["machine"]
        met, judged = sum(each.ok is True for each in bars), sum(each.ok is not None for each in bars)
        left = f", {len(bars) - judged} not measured" if judged < len(bars) else ""
        parts.append(
            f"## {name}\n\n{met} of {judged} bars met{left}. {found['date'][:10]}, at {found['commit']}, on "
            f"{where['cores']} cores of {where['processor']}. All figures: [{file.name}](results/{file.name}).\n"
        )
        rows = [f"| {_cell(b.id)} | {_value(b.value)} | {_cell(b.goal)} | {MET[b.ok]} |" for b in bars]
        parts.append("\n".join(["| bar | value | wanted | met |", "|---|---|---|---|", *rows]) + "\n")
        parts += [
            f"![{picture.stem.replace('_', ' ')}](results/{picture.name})\n"
            for picture in sorted(folder.glob(f"{name}*.png"))
        ]
    return "\n".join(parts)


MET = {True: "yes", False: "**no**", None: "not measured"}


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:,.5g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def run_parts(name: str, parts: Mapping[str, str], packages: Sequence[str]) -> None:
    """Run the parts of a bench that is a package, print their bars, write ``docs/results/NAME.json`` after each.

    ``parts`` are modules with ``run() -> (bars, figures)``, with what each measures. The environment's ``ONLY`` names
    some of them; the others' figures stay in the file, each part with the date and commit it was measured at.
    """
    wanted = [part for part in os.environ.get("ONLY", "").split(",") if part] or list(parts)
    unknown = set(wanted) - set(parts)
    if unknown:
        sys.exit(f"There is no part {', '.join(sorted(unknown))}. Choose from {', '.join(parts)}.")
    file = RESULTS / f"{name}.json"
    done: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.exists() else {}
    for part in (part for part in parts if part in wanted):
        measured_at = commit()
        bars, figures = import_module(f"tests.benchmarks.{name}.{part}").run()
        date = datetime.now(UTC).isoformat(timespec="seconds")
        done[part] = {"date": date, "commit": measured_at, "bars": [asdict(b) for b in bars], **figures}
        kept = {part: done[part] for part in parts if part in done}
        finish(name, kept, [Bar(**b) for found in kept.values() for b in found["bars"]], packages=packages)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)}")
