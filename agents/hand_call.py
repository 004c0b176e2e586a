"""A tool called by hand, outside of a chat: in a thread of its own, measured, and kept in the ledger."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from bethink.agents.energy_tool import energy_tool
from bethink.models.energy import Span, record
from bethink.tools.contract import Tool, ToolContext, ToolResult, call_tool, short

if TYPE_CHECKING:
    from bethink.agents.agent import Agent

log = logging.getLogger(__name__)


class HandCall:
    """A running or finished call.

    ``done`` (0 to 1) and ``message`` say how far it is. Once it has ended, ``result`` is what came of it and ``cost``
    what it took, in words.
    """

    def __init__(
        self, agent: Agent, tool: Tool, arguments: dict[str, Any], user_id: str, cancel: threading.Event
    ) -> None:
        """Start it; ``cancel`` stops it."""
        self.done, self.message, self.cost = 0.0, "", ""
        unfinished = {"code": "internal", "message": "The call did not end.", "hint": "Try again."}
        self.result = ToolResult(tool.name, arguments, None, unfinished, 0.0)
        context = ToolContext(
            folder=agent.plots_of(user_id),
            progress=self._progress,
            cancel=cancel,
            uploads=agent.folder_of(user_id),
            thoughts=partial(agent.thoughts_of, user_id),
        )
        work = (agent, tool, arguments, user_id, context)
        self._thread = threading.Thread(target=self._go, args=work, name="tool-by-hand", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Until it has ended, or so long."""
        self._thread.join(seconds)

    def _progress(self, done: float, message: str) -> None:
        self.done, self.message = done, message

    def _go(self, agent: Agent, tool: Tool, arguments: dict[str, Any], user_id: str, context: ToolContext) -> None:
        if tool.name == "energy_report":  # the agent's own asks the chat around it who wants to know
            tool = energy_tool(agent.ledger, user_id)
        context.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Span(tool.name, "tool") as span:
            self.result = call_tool(tool, arguments, context)
        span.ok = self.result.ok
        kept = record(span)
        joules = "" if kept["energy_j"] is None else f", ≈ {short(kept['energy_j'], 2):g} J ({kept['error_class']})"
        self.cost = f"{span.wall_s:.1f} s, processor {span.cpu_s:.1f} s{joules}"
        try:
            agent.ledger.add(user_id, "", [kept])
        except Exception:
            log.exception("what a tool cost could not be written")
