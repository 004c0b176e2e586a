"""What a piece of work cost: wall seconds, CPU seconds, joules.

Joules are **estimated** from CPU time (E = w_core * t_cpu) unless a counter is read; 4 W a core is CodeCarbon's own
fallback for a processor it does not know. A span costs three clock reads.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

WATTS_PER_CORE = 4.0
BACKEND = "cputime (estimated, 4 W per core)"
POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the energy counters of processors (RAPL)."""


def cpu_seconds() -> float:
    """User and system seconds of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def why_estimated(powercap: Path = POWERCAP) -> str:
    """Why joules are estimated and not measured on this machine."""
    counters = sorted(powercap.glob("*/energy_uj"))
    if not counters:
        return "this machine shows no energy counter (RAPL)"
    if not any(os.access(counter, os.R_OK) for counter in counters):
        return "its energy counter (RAPL) can be read by root only"
    return "its energy counter (RAPL) can be read, but Bethink does not read counters yet"


@dataclass
class Span:
    """A running or ended measurement. Use as a context manager; read the fields afterwards."""

    name: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __enter__(self) -> Span:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s, self.cpu_s = time.perf_counter() - self._wall, cpu_seconds() - self._cpu

    @property
    def energy_j(self) -> float:
        """Estimated joules of the process during the span (other threads of the process included)."""
        return self.cpu_s * WATTS_PER_CORE
