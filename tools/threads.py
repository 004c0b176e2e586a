"""How many threads small tensors deserve: one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 5_000_000
"""Numbers below which a second thread may cost more than it saves: one operation on them takes a few milliseconds."""


@contextmanager
def one_thread_if_small(numbers: int) -> Iterator[None]:
    """Run the block's tensor operations on one thread when states hold few ``numbers``.

    Torch splits exp, sqrt, arctan and their like from about 2,000 numbers on, and on a busy machine each split waits
    for a descheduled thread: 12 ms instead of 10 us. ``torch.set_num_threads`` would help, but it also binds threads
    that start meanwhile (a chat's, say); this limit holds for the calling thread only.
    """
    if numbers >= SMALL:
        yield
        return
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.get_num_threads()  # a thread's first call sets its count, and would undo the limit
    with threadpool_limits(1, user_api="openmp"):
        yield
