"""What a CPU second is taken to cost: the processor's thermal design power over its logical cores, E = w_core * t_cpu.

This is an estimate. The table of processors is CodeCarbon's, read from its files; its sampler is never run. In a
virtual machine the cores that are seen are not all that share the power, so the usual 4 W a core stand in there.
"""

from __future__ import annotations

import csv
import os
import platform
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

WATTS_PER_CORE = 4.0
"""Of a processor that is not known: CodeCarbon's own figure."""
CPUINFO = Path("/proc/cpuinfo")
_NOISE = re.compile(r"\((?:r|tm)\)|\bcpu\b|@.*$|\b\d+-core\b|\bprocessor\b|\bwith radeon.*$|\bwith .*graphics$", re.I)


@dataclass(frozen=True)
class Processor:
    """A processor: its name, what a core is taken to draw in W, and where that is from."""

    name: str
    watts_per_core: float
    source: str
    known: bool


@lru_cache(maxsize=1)
def this_processor() -> Processor:
    """The processor of this machine."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    name = named.group(1).strip() if named else platform.processor() or platform.machine()
    return processor(name, os.cpu_count() or 1, virtual=bool(re.search(r"^flags\s*:.*\bhypervisor\b", text, re.M)))


def processor(name: str, cores: int, *, virtual: bool = False) -> Processor:
    """What is known of a processor with so many logical ``cores``."""
    usual = f"{WATTS_PER_CORE:g} W a core"
    if virtual:
        return Processor(name, WATTS_PER_CORE, f"{usual}: a virtual machine does not show all cores", False)
    watts = design_powers().get(plain(name))
    if watts is None:
        return Processor(name, WATTS_PER_CORE, f"{usual}: the processor is not known", False)
    return Processor(name, watts / cores, f"{watts:g} W over {cores} logical cores", True)


def plain(name: str) -> str:
    """A processor's name without marks and frequencies, in small letters.

    Example:
        >>> plain("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz")
        'intel core i7-1165g7'
    """
    short = _NOISE.sub(" ", re.sub(r"^\d+th gen\s+", "", name.lower()))
    return " ".join(short.split())


@lru_cache(maxsize=1)
def design_powers() -> dict[str, float]:
    """Thermal design power in W by plain name; empty where CodeCarbon is not installed."""
    file = codecarbon_file("hardware/cpu_power.csv")
    if file is None:
        return {}
    found: dict[str, float] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                watts = float(row["TDP"])
            except (KeyError, TypeError, ValueError):
                continue
            if row.get("Name") and 0 < watts < 2000:
                found[plain(row["Name"])] = watts
    return found


def codecarbon_file(name: str) -> Path | None:
    """One of CodeCarbon's tables, found without importing it; None where it is not installed."""
    spec = find_spec("codecarbon")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / name
    return file if file.is_file() else None
