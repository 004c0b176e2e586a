"""Lets go of a local model's weights when nobody has asked anything for a while; the next turn loads them again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class IdleUnload:
    """Watches for how long a model has not been used.

    Args:
        model: a chat model; only one with ``unload`` (:class:`bethink.models.chat.ChatLocal`) has weights to let go.
        after_min: minutes; 0: never.
        busy: whether somebody is being answered.
    """

    def __init__(self, model: Any, after_min: float, busy: Callable[[], bool] = lambda: False) -> None:
        self._model, self._after_s, self._busy = model, 60 * after_min, busy
        self._last = time.monotonic()
        self._closed = threading.Event()
        if after_min > 0 and hasattr(model, "unload"):
            threading.Thread(target=self._watch, name="idle-unload", daemon=True).start()

    def used(self) -> None:
        """A turn has ended."""
        self._last = time.monotonic()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(max(0.05, self._last + self._after_s - time.monotonic())):
            if time.monotonic() - self._last >= self._after_s:
                if not self._busy():
                    self._model.unload()
                self.used()
