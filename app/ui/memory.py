"""The Memory tab: the table, and below it what can be done with many thoughts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.memory_board import Board, UserOf
from bethink.app.ui.memory_forget import build_forget
from bethink.app.ui.memory_history import build_history
from bethink.app.ui.memory_import import build_export, build_import
from bethink.app.ui.memory_merge import build_merge
from bethink.app.ui.memory_recall import build_recall

if TYPE_CHECKING:
    from bethink.agents.agent import Agent


def build_memory(agent: Agent, user_of: UserOf, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks; it reads the memory anew when it is opened."""
    board = Board(agent, user_of)
    with board.editor:
        build_history(board)
    build_recall(agent, user_of)
    build_forget(agent, board)
    build_merge(agent, board)
    build_import(agent, board)
    build_export(agent, user_of)

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    again = [tab.select, board.query.change, board.inactive.change]
    gr.on(again, board.read, board.inputs, board.read_into, **quick)
