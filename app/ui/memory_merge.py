"""Merging thoughts that say more of the same: what would become what, then the merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.memory_board import SLOW, Board, said_line
from bethink.app.ui.render import count

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.memory import Change

NOTHING = "Nothing is to be merged: no two thoughts say more of the same about the same."


def merge_rows(changes: list[Change]) -> list[list[str]]:
    """The preview's rows: the thoughts, and what they become."""
    return [[str(change.old).replace(" | ", "\n"), change.text] for change in changes]


def build_merge(agent: Agent, board: Board) -> None:
    """Build the part inside the current Blocks."""
    with gr.Accordion("Merge thoughts that say more of the same", open=False, elem_id="merge"):
        look = gr.Button("Show what would be merged", size="sm", elem_id="merge-look")
        line = gr.HTML(elem_id="merge-said")
        listed = gr.Dataframe(
            headers=["These thoughts", "become"],
            interactive=False,
            wrap=True,
            max_height=300,
            label="Would be merged",
            column_widths=["50%", "50%"],
            visible=False,
            elem_id="merge-table",
        )
        go = gr.Button("Merge", variant="primary", size="sm", visible=False, elem_id="merge-go")
    ids = gr.State([])
    preview = [line, listed, go, ids]

    def shown(changes: list[Change], before: str = "") -> list[Any]:
        if not changes:
            return [said_line(before + NOTHING), gr.update(visible=False), gr.update(visible=False), []]
        told = f"{before}{count(len(changes), 'sentence')} would take the place of the thoughts on the left. "
        told += "Their dates and sources are kept, and one undo brings them all back."
        table = gr.update(value=merge_rows(changes), visible=True)
        return [said_line(told), table, gr.update(visible=True), [change.id for change in changes]]

    def on_look(request: gr.Request) -> list[Any]:
        return shown(agent.memory.merge(user_id=board.user_of(request), dry_run=True))

    def on_go(seen: list[str], words: str, everything: bool, request: gr.Request) -> list[Any]:
        user_id = board.user_of(request)
        now = agent.memory.merge(user_id=user_id, dry_run=True)
        if [change.id for change in now] != seen:
            told = board.refused("Not merged: the memory has changed. Look again.")
            return [*shown(now, "The memory has changed since. "), *told]
        done = agent.memory.merge(user_id=user_id)
        said = f"Merged into {count(len(done), 'thought')}."
        closed = ["", gr.update(visible=False), gr.update(visible=False), []]
        return [*closed, *board.done(said, done[0].token, words, everything, request)]

    look.click(on_look, None, preview, **SLOW)
    go.click(on_go, [ids, *board.inputs], [*preview, *board.outputs], **SLOW)
