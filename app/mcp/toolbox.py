"""What a server has to offer, and how it is cut to one user."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.folders import user_folder
from bethink.agents.thought_tools import memory_tools
from bethink.tools import all_tools
from bethink.tools.contract import Tool, ToolContext, ToolResult

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory


@dataclass(frozen=True)
class Toolbox:
    """Tools, a memory and folders. Everything is asked for one user, who is never named by a model.

    Args:
        data: the data folder; a user's plots and files are kept there, apart from other users'.
        memory: whose thoughts the memory tools and the recommendations use; None: there are no memory tools.
        tools: those on offer, besides the memory's.
        uploads: the folder of files that arguments may name, for every user; None: a user's uploads in ``data``.
        called: who is told what came of each call.
    """

    data: str | Path
    memory: ThoughtMemory | None = None
    tools: Sequence[Tool] = field(default_factory=all_tools)
    uploads: Path | None = None
    called: Callable[[ToolResult], None] | None = None

    def tools_of(self, user_id: str) -> list[Tool]:
        """All tools, those of the memory bound to this user."""
        return [*self.tools, *(memory_tools(self.memory, user_id) if self.memory is not None else [])]

    def results_of(self, user_id: str) -> Path:
        """The folder of the plots and files that this user's calls made; it need not exist."""
        return user_folder(Path(self.data), "results", user_id)

    def context(self, user_id: str, progress: Callable[[float, str], None], cancel: threading.Event) -> ToolContext:
        """What one call of this user may use."""
        memory = self.memory

        def thoughts(query: str, k: int) -> list[dict[str, Any]]:
            return [] if memory is None else [hit.as_dict() for hit in memory.search(query, user_id=user_id, k=k)]

        return ToolContext(
            folder=self.results_of(user_id),
            progress=progress,
            cancel=cancel,
            uploads=self.uploads or user_folder(Path(self.data), "uploads", user_id),
            thoughts=None if memory is None else thoughts,
        )
