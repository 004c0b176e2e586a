"""The table of thoughts, the chosen one, and the line that says what was done last and takes it back."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.thought_history import Past, history_of, undo
from bethink.app.ui.render import count

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.memory import Thought, ThoughtMemory

HEADERS = ["Thought", "Learned", "Holds since", "Source", "Status"]
WIDTHS = ["38%", "14%", "14%", "18%", "16%"]
EMPTY = (
    "**No thoughts yet.** Here is what makes one: say something about yourself or your world in the chat, such as "
    "“My sister Maria lives in Porto.” Questions and small talk leave no thoughts."
)
SHOWN = 500
"""Thoughts in the table at most."""
UserOf = Callable[[gr.Request], str]
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
SLOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
"""What every event of the tab has in common, quick or not."""


def status(thought: Thought) -> str:
    """Whether it holds, and until when it did."""
    if thought.active:
        return "active"
    return f"{'forgotten' if thought.forgotten else 'superseded'} {str(thought.invalid_at)[:10]}"


def source(thought: Thought, titles: Mapping[str, str]) -> str:
    """Where it comes from: the title of its chat (by the id of its session), who said it, or what was merged."""
    if thought.merged_from:
        return f"{len(thought.merged_from)} merged"
    said = titles.get(thought.session_id or "", "")
    return " · ".join(part for part in (said, thought.speaker or "") if part)


def rows(thoughts: Sequence[Thought], titles: Mapping[str, str]) -> list[list[str]]:
    """The table's rows."""
    return [
        [thought.text, thought.created_at[:10], thought.date, source(thought, titles), status(thought)]
        for thought in thoughts
    ]


def triple_line(thought: Thought) -> str:
    """How the thought was understood, as HTML: subject, relation and object."""
    parts = [part for part in (thought.subject, thought.relation, thought.object) if part]
    return f"<p class='hint'>Read as: {html.escape(' · '.join(parts))}</p>" if parts else ""


def sentence(problem: Exception) -> str:
    """What an exception says (of a KeyError without its quotation marks)."""
    return str(problem.args[0]) if problem.args else str(problem)


def said_line(text: str) -> str:
    """A line that is read out to screen readers; no markup of a thought is run."""
    return f'<div role="status" aria-live="polite">{html.escape(text)}</div>'


class Board:
    """Builds its components inside the current Blocks; the parts of the tab change the memory and give what it shows.

    A handler takes ``inputs`` after its own and gives ``outputs`` after its own: what :meth:`done` or :meth:`refused`
    returns.
    """

    def __init__(self, agent: Agent, user_of: UserOf) -> None:
        self.agent, self.user_of = agent, user_of
        ids, self.chosen, token, self.past = gr.State([]), gr.State(""), gr.State(""), gr.State([])
        note = gr.Markdown(EMPTY, elem_id="memory-note")
        with gr.Row():
            self.query = gr.Textbox(
                label="Search", placeholder="Part of a thought", scale=4, min_width=220, elem_id="memory-search"
            )
            self.inactive = gr.Checkbox(
                label="Also forgotten and superseded", scale=1, min_width=220, elem_id="memory-inactive"
            )
        table = gr.Dataframe(
            headers=HEADERS,
            interactive=False,
            wrap=True,
            max_height=420,
            label="Thoughts (click one to edit or forget it, or to see its history)",
            column_widths=WIDTHS,
            elem_id="memory-table",
        )
        with gr.Column(visible=False, elem_id="thought-editor") as self.editor:
            text = gr.Textbox(label="The chosen thought", lines=2, max_length=4000, elem_id="thought-text")
            read_as = gr.HTML(elem_id="thought-triple")
            with gr.Row():
                save = gr.Button("Save", variant="primary", size="sm", elem_id="thought-save")
                forget = gr.Button("Forget", variant="stop", size="sm", elem_id="thought-forget")
        with gr.Row(visible=False, elem_id="memory-last") as last:
            said = gr.HTML(elem_id="memory-said")
            back = gr.Button("Undo the last change", size="sm", scale=0, min_width=170, elem_id="memory-undo")
            close = gr.Button("Close", size="sm", scale=0, min_width=70, elem_id="memory-close")
        choice = [self.editor, text, read_as, self.chosen, self.past]
        self.inputs = [self.query, self.inactive]
        self.read_into = [table, ids, note, *choice]
        self.outputs = [*self.read_into, last, said, token, back]

        table.select(self._pick, [ids], choice, **QUICK)
        save.click(self._save, [text, self.chosen, *self.inputs], self.outputs, **SLOW)
        forget.click(self._forget, [self.chosen, *self.inputs], self.outputs, **QUICK)
        back.click(self._undo, [token, *self.inputs], self.outputs, **SLOW)
        close.click(lambda: gr.update(visible=False), None, [last], **QUICK)

    def read(self, words: str, everything: bool, request: gr.Request) -> list[Any]:
        """What the memory holds now, no thought chosen; for ``read_into``."""
        return self._read(words, everything, self.user_of(request), "")

    def done(
        self, said: str, token: str | None, words: str, everything: bool, request: gr.Request, chosen: str = ""
    ) -> list[Any]:
        """For ``outputs``: the memory read anew, what was done, and its undo (if there is a token)."""
        shown = self._read(words, everything, self.user_of(request), chosen)
        return [*shown, gr.update(visible=True), said_line(said), token or "", gr.update(visible=bool(token))]

    def refused(self, why: str) -> list[Any]:
        """For ``outputs``: why nothing was done; all else stays as it is."""
        told = [gr.update(visible=True), said_line(why), "", gr.update(visible=False)]
        return [gr.skip() for _ in self.read_into] + told

    def take_back(self, token: str, words: str, everything: bool, request: gr.Request, chosen: str = "") -> list[Any]:
        """For ``outputs``: a batch of changes undone."""
        try:
            _, said = undo(self.agent.memory, token, self.user_of(request))
        except ValueError as problem:
            return self.refused(f"Not undone. {sentence(problem)}")
        return self.done(said, None, words, everything, request, chosen)

    def titles(self, user_id: str) -> dict[str, str]:
        """The titles of the user's chats by their ids."""
        return {thread.id: thread.title for thread in self.agent.threads.list(user_id, limit=10**6)}

    def _read(self, words: str, everything: bool, user_id: str, chosen: str) -> list[Any]:
        memory = self.agent.memory
        thoughts = memory.list(user_id=user_id, query=words or "", include_inactive=everything, limit=SHOWN)
        if thoughts:
            first = f"The latest {SHOWN} are" if len(thoughts) == SHOWN else f"{count(len(thoughts), 'thought')}"
            said = f"{first} shown. Click one to edit or forget it, or to see its history."
        else:
            said = "Nothing contains this. Try another word." if (words or "").strip() else EMPTY
        table = rows(thoughts, self.titles(user_id))
        return [table, [thought.id for thought in thoughts], said, *self._choice(chosen, user_id)]

    def _choice(self, ident: str, user_id: str) -> list[Any]:
        thought = held(self.agent.memory, ident, user_id)
        if thought is None:
            return [gr.update(visible=False), "", "", "", []]
        past = [as_line(one) for one in history_of(self.agent.memory, ident, user_id)]
        return [gr.update(visible=True), thought.text, triple_line(thought), ident, past]

    def _pick(self, event: gr.SelectData, shown: list[str], request: gr.Request) -> list[Any]:
        user_id = self.user_of(request)
        place = event.index[0] if isinstance(event.index, list | tuple) else event.index
        found = [one for ident in shown if (one := held(self.agent.memory, ident, user_id)) is not None]
        if event.row_value:  # the browser may have sorted the table: its row numbers are not ours
            table = rows(found, self.titles(user_id))
            wanted = [str(value or "") for value in event.row_value]
            found, place = [one for one, row in zip(found, table, strict=True) if row == wanted], 0
        return self._choice(found[place].id if place < len(found) else "", user_id)

    def _save(self, body: str, ident: str, words: str, everything: bool, request: gr.Request) -> list[Any]:
        try:
            change = self.agent.memory.update(ident, body or "", user_id=self.user_of(request))
        except (KeyError, ValueError) as problem:
            return self.refused(f"Not saved. {sentence(problem)}")
        said = "Saved." if change.token else "Nothing to save: the text is the same."
        return self.done(said, change.token, words, everything, request, ident)

    def _forget(self, ident: str, words: str, everything: bool, request: gr.Request) -> list[Any]:
        report = self.agent.memory.forget(user_id=self.user_of(request), ids=[ident])
        said = "Forgotten." if report.forgotten else "It was not active: there is nothing to forget."
        return self.done(said, report.undo_token, words, everything, request)

    def _undo(self, token: str, words: str, everything: bool, request: gr.Request) -> list[Any]:
        return self.take_back(token, words, everything, request)


def held(memory: ThoughtMemory, ident: str, user_id: str) -> Thought | None:
    """The thought of that id, if the user has it (still)."""
    try:
        return memory.get(ident, user_id=user_id) if ident else None
    except KeyError:
        return None


def as_line(past: Past) -> dict[str, Any]:
    """One line of the history, for the page: HTML, the token of its undo ("" if it cannot be undone) and its label."""
    change = past.change
    text = html.escape(change.text)
    if change.old is not None:
        text = f"<del>{html.escape(change.old)}</del> {text}"
    known = ("", "edited", "erased", "imported", "forgotten")  # said by ``what`` already
    reasons = [reason for reason in ("" if change.reason in known else past.why, past.why_not) if reason]
    why = f"<br><small>{html.escape(' · '.join(reasons))}</small>" if reasons else ""
    when = html.escape(change.at[:16].replace("T", " "))
    label = f"Undo (with {past.others} more)" if past.others else "Undo"
    shown = f"<p class='past'><time>{when}</time> <b>{html.escape(past.what)}</b>: {text}{why}</p>"
    return {"html": shown, "token": "" if past.why_not else change.token, "label": label}
