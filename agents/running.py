"""Which turns run now: one in a thread, and no more than the limits allow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bethink.agents.events import Error
from bethink.agents.turn_limits import TurnLimits

Place = tuple[str, str]
"""A user, and the thread that is answering."""


class RunningTurns:
    """The running turns of an agent; its methods may be called from any thread."""

    def __init__(self) -> None:
        self.limits: TurnLimits | None = None
        """How many turns a user may start; None: one in each thread, and no other limit."""
        self._running: dict[Place, threading.Event] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._running)

    @contextmanager
    def claimed(self, place: Place, cancel: threading.Event, problem: Error | None = None) -> Iterator[Error | None]:
        """Hold a place for a turn that ``cancel`` stops; the value says why it may not start, if it may not.

        ``problem``: why it may not, whatever runs.
        """
        with self._lock:
            problem = problem or self._problem(place)
            if problem is None:
                self._running[place] = cancel
        try:
            yield problem
        finally:
            if problem is None:
                cancel.set()
                with self._lock:
                    self._running.pop(place, None)

    def _problem(self, place: Place) -> Error | None:
        if place in self._running:
            return Error(message="This chat is still answering.", hint="Wait, or press stop.")
        return None if self.limits is None else self.limits.start(place[0], self._of(place[0]))

    def _of(self, user_id: str) -> int:
        return sum(user == user_id for user, _ in self._running)

    def refusal(self, user_id: str) -> Error | None:
        """Why this user may not start a turn now in a thread that is not answering; None if they may."""
        with self._lock:
            return None if self.limits is None else self.limits.refusal(user_id, self._of(user_id))

    def cancel(self, place: Place) -> bool:
        """Stop the turn that runs there; False when none does."""
        with self._lock:
            event = self._running.get(place)
        if event is not None:
            event.set()
        return event is not None
