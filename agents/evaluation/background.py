"""A run in the background: it goes on while nobody looks, can be looked at any time, and be stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bethink.agents.evaluation.conversations import Conversation, EvaluationError
from bethink.agents.evaluation.dialogue import Open, Plan, evaluate
from bethink.agents.evaluation.runs import Run

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)


class Background:
    """An evaluation in a thread of its own; every result is in the run's file at once.

    ``share`` (0 to 1) and ``message`` say how far it is, ``problem`` why it ended early, if it did.
    """

    def __init__(
        self,
        run: Run,
        conversations: Sequence[Conversation],
        open_memory: Open,
        model: BaseChatModel | None,
        plan: Plan,
    ) -> None:
        """Start it. The run is closed at the end."""
        self.run, self.share, self.message, self.problem = run, 0.0, "starting", ""
        self._cancel = threading.Event()
        self._work = (conversations, open_memory, model, plan)
        self._thread = threading.Thread(target=self._go, name="evaluation", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._cancel.is_set()

    def stop(self) -> None:
        """End within a session or an answer; what was done is kept."""
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> None:
        """Until it has ended, or ``timeout`` seconds."""
        self._thread.join(timeout)

    def _go(self) -> None:
        try:
            conversations, open_memory, model, plan = self._work
            rows = evaluate(
                conversations, open_memory, model, plan, done=self.run.done, progress=self._report, cancel=self._cancel
            )
            for row in rows:
                self.run.add(row)
        except EvaluationError as problem:
            self.problem = str(problem)
        except Exception as problem:
            log.exception("an evaluation failed")
            self.problem = f"It failed ({type(problem).__name__}: {problem}). What was done is kept."
        finally:
            self.run.close()

    def _report(self, share: float, message: str) -> None:
        self.share, self.message = share, message
