"""The Memory tab: every thought, searchable; edit, forget with undo, a recall test, export."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

if TYPE_CHECKING:
    from bethink.agents.agent import Agent

HEADERS = ["Thought", "Subject", "Relation", "Object", "Learned", "Status"]
EMPTY = (
    "**No thoughts yet.** Here is what makes one: say something about yourself or your world in the chat, such as "
    "“My sister Maria lives in Porto.” Questions and small talk leave no thoughts."
)
UserOf = Callable[[gr.Request], str]


def rows(thoughts: list[Any]) -> list[list[str]]:
    """The table's rows."""
    return [
        [
            thought.text,
            thought.subject or "",
            thought.relation or "",
            thought.object or "",
            thought.created_at[:10],
            "active" if thought.active else "forgotten" if thought.forgotten else "superseded",
        ]
        for thought in thoughts
    ]


def build_memory(agent: Agent, user_of: UserOf, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks; it reads the memory anew when it is opened."""
    ids = gr.State([])
    chosen = gr.State("")
    token = gr.State("")
    note = gr.Markdown(EMPTY, elem_id="memory-note")
    with gr.Row():
        query = gr.Textbox(label="Search", placeholder="Part of a thought", scale=4, elem_id="memory-search")
        inactive = gr.Checkbox(label="Also forgotten and superseded", scale=1, elem_id="memory-inactive")
    table = gr.Dataframe(
        headers=HEADERS,
        interactive=False,
        wrap=True,
        max_height=420,
        label="Thoughts (click one to edit or forget it)",
        column_widths=["40%", "12%", "14%", "14%", "10%", "10%"],
        elem_id="memory-table",
    )
    with gr.Group(visible=False) as editor:
        text = gr.Textbox(label="The chosen thought", lines=2, max_length=4000, elem_id="thought-text")
        with gr.Row():
            save = gr.Button("Save", variant="primary", size="sm", elem_id="thought-save")
            forget = gr.Button("Forget", variant="stop", size="sm", elem_id="thought-forget")
    undo = gr.Button("Undo the last change", size="sm", visible=False, elem_id="memory-undo")
    with gr.Accordion("What would be recalled for …?", open=False, elem_id="recall-test"):
        question = gr.Textbox(label="A message", placeholder="Where does Maria live?", elem_id="recall-question")
        found = gr.Dataframe(
            headers=["Thought", "Score", "Date"], interactive=False, wrap=True, label="Recalled", elem_id="recall-table"
        )
    with gr.Row():
        export = gr.Button("Prepare an export (JSON lines)", size="sm", elem_id="memory-export")
        file = gr.File(label="Download", visible=False, elem_id="memory-file")

    def read(words: str, everything: bool, request: gr.Request) -> Any:
        """(table, ids, note, editor): what the memory holds now."""
        user_id = user_of(request)
        thoughts = agent.memory.list(user_id=user_id, query=words or "", include_inactive=everything)
        if thoughts:
            said = f"{len(thoughts)} shown. Click a thought to edit or forget it."
        else:
            said = "Nothing contains this. Try another word." if (words or "").strip() else EMPTY
        return rows(thoughts), [thought.id for thought in thoughts], said, gr.update(visible=False)

    def held(ident: str, user_id: str) -> Any:
        try:
            return agent.memory.get(ident, user_id=user_id)
        except KeyError:
            return None

    def pick(event: gr.SelectData, shown: list[str], request: gr.Request) -> Any:
        place = event.index[0] if isinstance(event.index, list | tuple) else event.index
        found = [thought for ident in shown if (thought := held(ident, user_of(request))) is not None]
        if event.row_value:  # the browser may have sorted the table: its row numbers are not ours
            found = [thought for thought in found if rows([thought])[0] == [str(v or "") for v in event.row_value]]
            place = 0
        if place >= len(found):
            return gr.update(visible=False), "", ""
        return gr.update(visible=True), found[place].text, found[place].id

    def on_save(body: str, ident: str, words: str, everything: bool, request: gr.Request) -> Any:
        try:
            change = agent.memory.update(ident, body or "", user_id=user_of(request))
        except (KeyError, ValueError) as problem:
            shown = read(words, everything, request)
            return (
                shown[0],
                shown[1],
                f"**Not saved.** {_sentence(problem)}",
                gr.update(visible=True),
                gr.skip(),
                gr.skip(),
            )
        return *read(words, everything, request), change.token, gr.update(visible=bool(change.token))

    def on_forget(ident: str, words: str, everything: bool, request: gr.Request) -> Any:
        report = agent.memory.forget(user_id=user_of(request), ids=[ident])
        shown = read(words, everything, request)
        return *shown, report.undo_token or "", gr.update(visible=bool(report.undo_token))

    def on_undo(last: str, words: str, everything: bool, request: gr.Request) -> Any:
        if last:
            try:
                agent.memory.undo(last, user_id=user_of(request))
            except (KeyError, ValueError) as problem:
                shown = read(words, everything, request)
                return (
                    shown[0],
                    shown[1],
                    f"**Not undone.** {_sentence(problem)}",
                    shown[3],
                    "",
                    gr.update(visible=False),
                )
        return *read(words, everything, request), "", gr.update(visible=False)

    def on_question(words: str, request: gr.Request) -> list[list[str]]:
        if not (words or "").strip():
            return []
        hits = agent.memory.search(words, user_id=user_of(request), k=5)
        return [[hit.thought.text, f"{hit.score:.2f}", hit.thought.date] for hit in hits]

    def on_export(request: gr.Request) -> Any:
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=os.environ.get("GRADIO_TEMP_DIR")))
        path = folder / "thoughts.jsonl"
        lines = [line.rstrip("\n") + "\n" for line in agent.memory.export(user_id=user_of(request))]
        path.write_text("".join(lines), encoding="utf-8")
        return gr.update(value=str(path), visible=True, label=f"{len(lines)} thoughts")

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [table, ids, note, editor]
    changed = [*shown, token, undo]
    gr.on([tab.select, query.change, inactive.change], read, [query, inactive], shown, **quick)
    table.select(pick, [ids], [editor, text, chosen], **quick)
    save.click(on_save, [text, chosen, query, inactive], changed, **quick)
    forget.click(on_forget, [chosen, query, inactive], changed, **quick)
    undo.click(on_undo, [token, query, inactive], changed, **quick)
    question.submit(on_question, [question], [found], **quick)
    export.click(on_export, None, [file], **quick)


def _sentence(problem: Exception) -> str:
    return str(problem.args[0]) if problem.args else str(problem)
