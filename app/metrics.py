"""What ``/metrics`` tells Prometheus: counts, sums and times, never a text or a name of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, get_args

from bethink.agents.events import Done, Event, ToolEnd, Usage
from bethink.tools.contract import ErrorCode

if TYPE_CHECKING:
    from bethink.tools.contract import ToolResult

FIRST_TOKEN_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
"""Upper bounds of the histogram's buckets."""
OUTCOMES = frozenset({"ok", *get_args(ErrorCode)})
OTHER = "other"


class Metrics:
    """Counters in a registry of their own. :meth:`hear` goes to ``Agent.on_event``, :meth:`called` to a toolbox.

    Args:
        tools: the names that may stand in a label; a model may call a tool by any name, and that is its text.
        queued: how many requests of the page wait.
        running: how many turns run.
    """

    def __init__(self, tools: Iterable[str], queued: Callable[[], int], running: Callable[[], int]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry, self._names = CollectorRegistry(), frozenset(tools)
        counter = partial(Counter, registry=self.registry)
        self._turns = Counter(
            "bethink_turns", "Turns by how they ended; refused: they never began.", ["status"], registry=self.registry
        )
        self._calls = counter("bethink_tool_calls", "Tool calls, in chats and over MCP.", ["tool", "outcome"])
        self._tokens = counter("bethink_tokens", "Tokens of the model; in_cached is a part of in.", ["kind"])
        self._joules = counter("bethink_energy_joules", "Energy of turns, estimated from CPU time.")
        self._first = Histogram(
            "bethink_first_token_seconds",
            "From a message to the first token.",
            buckets=FIRST_TOKEN_S,
            registry=self.registry,
        )
        for name, told, count in (
            ("bethink_queue_length", "Requests of the page that wait.", queued),
            ("bethink_turns_running", "Turns that run.", running),
        ):
            Gauge(name, told, registry=self.registry).set_function(count)

    def hear(self, event: Event) -> None:
        """Count one event of a turn."""
        if isinstance(event, ToolEnd):
            error = event.result.get("error") or {}
            self._call(event.name, "ok" if event.ok else str(error.get("code")))
        elif isinstance(event, Usage):
            for kind in ("in", "in_cached", "out"):
                self._tokens.labels(kind).inc(getattr(event, f"tokens_{kind}"))
            self._joules.inc(max(event.energy_j or 0.0, 0.0))
            if event.first_token_s is not None:
                self._first.observe(event.first_token_s)
        elif isinstance(event, Done):
            self._turns.labels(event.status if event.turn_id else "refused").inc()

    def called(self, result: ToolResult) -> None:
        """Count one call that was not part of a turn."""
        self._call(result.name, "ok" if result.error is None else result.error["code"])

    def _call(self, name: str, outcome: str) -> None:
        tool = name if name in self._names else OTHER
        self._calls.labels(tool, outcome if outcome in OUTCOMES else OTHER).inc()

    def text(self) -> tuple[bytes, str]:
        """(all of it in Prometheus's text format, the content type)."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST
