"""Post-thinking: turns are read into the memory after the answer, one after the other, and survive a kill.

A turn is noted in the threads' file before anything is done with it and struck out when its thoughts are in the memory.
A kill in between only means that it is done again: a thought's id follows from user, text and turn, so nothing doubles.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from bethink.agents.events import MemoryWrite
from bethink.agents.ledger import Ledger
from bethink.agents.middleware import Turn
from bethink.agents.threads import ThreadStore
from bethink.models.energy import Span, record

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory

log = logging.getLogger(__name__)


class PostThinker:
    """One worker thread over the noted turns, oldest first (so each user's turns stay in order).

    ``wait_s``: turns are thought about together, once none has been added for so many seconds.
    """

    def __init__(self, memory: ThoughtMemory, threads: ThreadStore, ledger: Ledger, *, wait_s: float = 0.0) -> None:
        self.memory, self.threads, self.ledger = memory, threads, ledger
        self.wait_s = wait_s
        self._wake = threading.Event()
        self._stop = False
        self._busy = threading.Lock()
        self._done: dict[str, threading.Event] = {}
        self._results: dict[str, MemoryWrite] = {}
        self._worker = threading.Thread(target=self._work, name="post-think", daemon=True)
        self._worker.start()
        self._wake.set()

    def put(self, turn: Turn) -> None:
        """Note a finished turn; returns at once."""
        if turn.turn_id is None or turn.session_id is None:
            raise ValueError("A turn needs its thread and its id to be thought about later.")
        self._done.setdefault(turn.turn_id, threading.Event())
        payload = {"query": turn.query, "response": turn.response, "timestamp": turn.timestamp}
        self.threads.put_job(turn.user_id, turn.session_id, turn.turn_id, payload)
        self._wake.set()

    def wait(self, turn_id: str, timeout: float) -> MemoryWrite | None:
        """What the turn changed in the memory, or None when that takes longer than ``timeout`` seconds."""
        done = self._done.get(turn_id)
        if done is None or not done.wait(timeout):
            return None
        self._done.pop(turn_id, None)
        return self._results.pop(turn_id, None)

    def revert(self, user_id: str, turns: list[str]) -> None:
        """Take back what these turns wrote. Their jobs must be struck out already; a running one ends first."""
        with self._busy:
            for turn_id in turns:
                self.memory.revert_turn(turn_id, user_id=user_id)

    def close(self) -> None:
        """Stop after the job at hand; the others are done at the next start."""
        self._stop = True
        self._wake.set()
        self._worker.join(timeout=30)

    def _work(self) -> None:
        while not self._stop:
            self._wake.wait()
            self._wake.clear()
            while self.wait_s and not self._stop and self._wake.wait(self.wait_s):
                self._wake.clear()
            for turn_id, user_id, thread_id, payload in self.threads.jobs():
                if self._stop:
                    return
                with self._busy:
                    if self.threads.has_job(turn_id):
                        self._think(turn_id, user_id, thread_id, payload)
                done = self._done.get(turn_id)
                if done is not None:
                    done.set()

    def _think(self, turn_id: str, user_id: str, thread_id: str, payload: dict[str, Any]) -> None:
        messages = [
            {"role": "user", "content": payload["query"]},
            {"role": "assistant", "content": payload["response"]},
        ]
        try:
            with Span("post-think", "memory", trace_id=turn_id) as span:
                changes = self.memory.add(
                    messages,
                    user_id=user_id,
                    session_id=thread_id,
                    turn_id=turn_id,
                    timestamp=payload["timestamp"],
                )
            self.ledger.add(user_id, thread_id, [record(span) | {"parent_id": turn_id[:16]}])
        except Exception:
            # the job goes: a turn that cannot be thought about must not block those behind it
            log.exception("post-thinking failed for a turn; its thoughts are not in the memory")
            self.threads.end_job(turn_id)
            return
        written = [
            {"op": change.op, "id": change.id, "text": change.text, "reason": change.reason}
            for change in changes
            if change.op != "noop"
        ]
        event = MemoryWrite(changes=written)
        if written:
            self.threads.add_event(turn_id, event.as_dict())
        self._results[turn_id] = event
        self.threads.end_job(turn_id)
