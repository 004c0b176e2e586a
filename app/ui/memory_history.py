"""The history of the chosen thought, each change with its undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from bethink.app.ui.memory_board import SLOW, Board

SHOWN = 30
"""The latest changes of a thought; older ones are told by ``bethink memory history``."""


def build_history(board: Board) -> None:
    """Build the list inside the current Blocks; it follows the chosen thought."""

    def undoing(token: str) -> Callable[..., list[Any]]:
        def on_undo(chosen: str, words: str, everything: bool, request: gr.Request) -> list[Any]:
            return board.take_back(token, words, everything, request, chosen)

        return on_undo

    @gr.render(inputs=[board.past], show_progress="hidden")
    def show(past: list[dict[str, Any]]) -> None:
        for number, line in enumerate(past[:SHOWN]):
            with gr.Row(elem_classes="past-row"):
                gr.HTML(line["html"])
                if line["token"]:
                    button = gr.Button(
                        line["label"], size="sm", scale=0, min_width=110, elem_id=f"history-undo-{number}"
                    )
                    button.click(undoing(line["token"]), [board.chosen, *board.inputs], board.outputs, **SLOW)
        if len(past) > SHOWN:
            gr.HTML(f"<p class='hint'>{len(past) - SHOWN} older changes: bethink memory history ID</p>")
