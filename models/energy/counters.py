"""Energy counters of the machine: RAPL for processors, NVML for NVIDIA GPUs. Both are measured, both count everybody.

What they read is the whole device's energy, also what other processes use it for.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

POWERCAP = Path("/sys/class/powercap")


class Counter(Protocol):
    """A counter of microjoules that only grows."""

    @property
    def backend(self) -> str:
        """``rapl`` or ``nvml``."""
        ...

    @property
    def part(self) -> Literal["cpu", "gpu"]:
        """What it counts."""
        ...

    def read(self) -> int:
        """Microjoules since some moment. Never raises: a counter that is gone stands still."""
        ...


class Rapl:
    """Energy of processor packages, and of their memory where the kernel tells it.

    Args:
        zones: folders with ``energy_uj`` and ``max_energy_range_uj``; the counter starts anew beyond the latter.
    """

    backend: Literal["rapl"] = "rapl"
    part: Literal["cpu"] = "cpu"

    def __init__(self, zones: Sequence[Path]) -> None:
        self._files = [zone / "energy_uj" for zone in zones]
        self._range = [int((zone / "max_energy_range_uj").read_text()) for zone in zones]
        self._last = [int(file.read_text()) for file in self._files]
        self._total = 0
        self._lock = threading.Lock()

    def read(self) -> int:
        """See :class:`Counter`."""
        with self._lock:
            for place, file in enumerate(self._files):
                with suppress(OSError, ValueError):
                    value = int(file.read_text())
                    used = value - self._last[place]
                    self._total += used if used >= 0 else used + self._range[place] + 1
                    self._last[place] = value
            return self._total


class Nvml:
    """Energy of all GPUs that are visible, from NVIDIA's total-energy counter (Volta and later).

    Args:
        library: the module ``pynvml``, initialised.
        handles: its device handles.
    """

    backend: Literal["nvml"] = "nvml"
    part: Literal["gpu"] = "gpu"

    def __init__(self, library: Any, handles: Sequence[Any]) -> None:
        self._library, self._handles = library, list(handles)
        self._first = [library.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in self._handles]
        self._last = 0

    def read(self) -> int:
        """See :class:`Counter`. NVML counts millijoules."""
        with suppress(Exception):  # NVML has an exception of its own for every reason a device can be gone
            values = [self._library.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in self._handles]
            used = sum(value - first for value, first in zip(values, self._first, strict=True))
            self._last = max(self._last, 1000 * used)
        return self._last


def open_rapl(folder: Path = POWERCAP) -> tuple[Rapl | None, str]:
    """The processor's counter, or None and why there is none."""
    zones = [
        zone
        for zone in sorted(folder.glob("*"))
        if (name := _name(zone)) is not None and (name.startswith("package") or name == "dram")
    ]
    if not zones:
        return None, f"no RAPL counter of a processor package in {folder} (usual in containers and virtual machines)"
    try:
        return Rapl(zones), ""
    except PermissionError:
        return None, f"{zones[0] / 'energy_uj'} may be read by root only"
    except (OSError, ValueError) as problem:
        return None, f"RAPL cannot be read ({problem})"


def _name(zone: Path) -> str | None:
    try:
        return (zone / "name").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def open_nvml() -> tuple[Nvml | None, str]:
    """The GPUs' counter, or None and why there is none."""
    try:
        import pynvml
    except ImportError:
        return None, "nvidia-ml-py is not installed (pip install 'bethink[green]')"
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        if not count:
            return None, "no NVIDIA GPU"
        return Nvml(pynvml, [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]), ""
    except Exception as problem:  # as in Nvml.read
        return None, f"no NVIDIA GPU can be read ({problem})"


def open_counters() -> list[Counter]:
    """The counters that can be read here."""
    found: list[Counter | None] = [open_rapl()[0], open_nvml()[0]]
    return [counter for counter in found if counter is not None]


def missing_counters() -> list[str]:
    """Why there is no better source, a sentence for each counter that cannot be read."""
    return [why for _, why in (open_rapl(), open_nvml()) if why]
