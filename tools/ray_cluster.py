"""Ray Data, on the cluster there is or on this machine's cores.

Needs ``pip install 'bethink[ray]'``. A Ray that this program is connected to already is used as it is, else the cluster
that ``RAY_ADDRESS`` names; where there is neither, a local one is started, without its dashboard and its usage reports,
and stopped again. Every node needs the same Bethink installed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STORE_BYTES = 256 * 2**20
"""Shared memory of a Ray that is started here; batches wait in it."""


@contextmanager
def ray_data(cpus: int | None = None) -> Iterator[Any]:
    """``ray.data`` with a Ray that runs; a ``ValueError`` of its workers is raised here as it was there.

    Args:
        cpus: cores for a Ray that is started here; None: all.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: no cluster answers at ``RAY_ADDRESS``.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("Ray is not installed. Install it with `pip install 'bethink[ray]'`.") from error

    ours = not ray.is_initialized()
    if ours:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        address = os.environ.get("RAY_ADDRESS", "")
        if address:
            ray.init(address, **quiet)
        else:
            ray.init("local", num_cpus=cpus, object_store_memory=STORE_BYTES, include_dashboard=False, **quiet)
    settings = ray.data.DataContext.get_current()
    bars, settings.enable_progress_bars = settings.enable_progress_bars, not ours and settings.enable_progress_bars
    try:
        yield ray.data
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ValueError):
            raise error.cause from error
        raise
    finally:
        settings.enable_progress_bars = bars
        if ours:
            ray.shutdown()
