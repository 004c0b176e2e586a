"""Forgetting many thoughts: what would go is shown with its count, then asked for once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.memory_board import HEADERS, QUICK, SLOW, WIDTHS, Board, held, rows, said_line, sentence
from bethink.app.ui.render import count

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.memory import Thought, ThoughtMemory

SHOWN = 200
"""Thoughts of the list that are shown; the count is of all."""


def fitting(memory: ThoughtMemory, words: str, before: str, hard: bool, user_id: str) -> list[Thought]:
    """The thoughts that hold all the words (or mean the same) and were true before the date, newest first.

    Those that are forgotten or superseded only where they are to be erased (``hard``).

    Raises:
        ValueError: neither words nor a date is given, or the date is none.
    """
    words, before = words.strip(), before.strip()
    if not words and not before:
        raise ValueError("Write words, a date, or both.")
    ids = memory.forget(user_id=user_id, query=words or None, before=before or None, hard=hard, dry_run=True).ids
    found = [one for ident in ids if (one := held(memory, ident, user_id)) is not None]
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)


def warning(number: int, hard: bool) -> str:
    """What is asked before it is done."""
    if hard:
        return f"Erase {count(number, 'thought')} for good? There is no undo. Chats keep what was typed in them."
    return f"Forget {count(number, 'thought')}? One undo brings them all back."


def build_forget(agent: Agent, board: Board) -> None:
    """Build the part inside the current Blocks."""
    with gr.Accordion("Forget many thoughts", open=False, elem_id="forget-many"):
        with gr.Row():
            words = gr.Textbox(
                label="With these words", placeholder="Maria", scale=3, min_width=220, elem_id="forget-words"
            )
            before = gr.Textbox(
                label="True before a date", placeholder="2024-05-31", scale=1, min_width=150, elem_id="forget-before"
            )
        hard = gr.Checkbox(
            label="For good: erase them, past texts too, with no undo", value=False, elem_id="forget-hard"
        )
        look = gr.Button("Show what would go", size="sm", elem_id="forget-look")
        line = gr.HTML(elem_id="forget-said")
        listed = gr.Dataframe(
            headers=HEADERS,
            interactive=False,
            wrap=True,
            max_height=300,
            label="Would go",
            column_widths=WIDTHS,
            visible=False,
            elem_id="forget-table",
        )
        go = gr.Button("Forget these", variant="stop", size="sm", visible=False, elem_id="forget-go")
        with gr.Row(visible=False, elem_id="forget-sure") as sure:
            yes = gr.Button("Yes", variant="stop", size="sm", elem_id="forget-yes")
            no = gr.Button("No, keep them", size="sm", elem_id="forget-no")
    ids, erase = gr.State([]), gr.State(False)
    preview = [line, listed, go, sure, ids, erase]
    hidden = gr.update(visible=False)

    def nothing(said: str = "") -> list[Any]:
        return [said_line(said) if said else "", hidden, hidden, hidden, [], False]

    def on_look(said: str, date: str, for_good: bool, request: gr.Request) -> list[Any]:
        user_id = board.user_of(request)
        try:
            found = fitting(agent.memory, said or "", date or "", for_good, user_id)
        except ValueError as problem:
            return nothing(sentence(problem))
        if not found:
            return nothing("No thought fits.")
        verb, number = "erased for good" if for_good else "forgotten", len(found)
        told = f"{count(number, 'thought')} would be {verb}." + (f" The latest {SHOWN}:" if number > SHOWN else "")
        label = f"{'Erase' if for_good else 'Forget'} {'this one' if number == 1 else f'these {number}'}"
        table = gr.update(value=rows(found[:SHOWN], board.titles(user_id)), visible=True)
        return [
            said_line(told),
            table,
            gr.update(value=label, visible=True),
            hidden,
            [one.id for one in found],
            for_good,
        ]

    def on_go(chosen: list[str], for_good: bool) -> list[Any]:
        label = "Yes, erase them for good" if for_good else "Yes, forget them"
        return [said_line(warning(len(chosen), for_good)), hidden, gr.update(visible=True), label]

    def on_yes(chosen: list[str], for_good: bool, query: str, everything: bool, request: gr.Request) -> list[Any]:
        report = agent.memory.forget(user_id=board.user_of(request), ids=chosen, hard=for_good)
        said = f"{count(report.forgotten, 'thought')} {'erased for good' if for_good else 'forgotten'}."
        return [*nothing(), *board.done(said, report.undo_token, query, everything, request)]

    gr.on([look.click, words.submit, before.submit], on_look, [words, before, hard], preview, **SLOW)
    gr.on([words.input, before.input, hard.input], nothing, None, preview, **QUICK)
    go.click(on_go, [ids, erase], [line, go, sure, yes], **QUICK)
    no.click(nothing, None, preview, **QUICK)
    yes.click(on_yes, [ids, erase, *board.inputs], [*preview, *board.outputs], **SLOW)
