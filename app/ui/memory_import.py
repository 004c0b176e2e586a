"""Thoughts in and out as JSON lines. A file is checked whole and told of before anything is written."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.memory_board import QUICK, SLOW, Board, UserOf, said_line, sentence
from bethink.app.ui.render import count

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.memory import Change, ThoughtMemory

MAX_FILE = 5_000_000
"""Bytes of a file that the page takes: about 13,000 thoughts, two minutes on a busy machine of two cores.

``bethink memory import`` takes any.
"""


@dataclass(frozen=True)
class Checked:
    """What a file would do: in words, how many thoughts it would write, the bad lines (number, what is wrong)."""

    said: str
    writes: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_file(path: str | Path) -> list[str]:
    """The lines of an uploaded file.

    Raises:
        ValueError: it is gone, too large, or no text.
    """
    from bethink.memory.transfer import lines_of

    try:
        size = Path(path).stat().st_size
        if size > MAX_FILE:
            hint = "Use the command line: bethink memory import FILE"
            raise ValueError(f"The file has {size / 1e6:,.1f} MB, the page takes {MAX_FILE / 1e6:.0f} MB. {hint}")
        return lines_of(Path(path).read_bytes())
    except OSError as problem:
        raise ValueError("The file is no longer here. Choose it again.") from problem


def check(memory: ThoughtMemory, path: str | Path, user_id: str) -> Checked:
    """Look at a whole file; nothing is written."""
    from bethink.memory import BadLinesError

    try:
        changes = memory.import_(read_file(path), user_id=user_id, dry_run=True)
    except BadLinesError as problem:
        lines = "1 line is" if problem.count == 1 else f"{problem.count:,} lines are"
        first = f" The first {len(problem.problems)}:" if problem.count > len(problem.problems) else ""
        said = f"{lines} no thought, so nothing can be imported. Correct or remove them, then choose the file again."
        return Checked(said + first, problems=problem.problems)
    except ValueError as problem:
        return Checked(sentence(problem))
    if not changes:
        return Checked("The file has no lines. Choose one that the export wrote.")
    ops = Counter(change.op for change in changes)
    said = f"{count(len(changes), 'thought')} in the file: {ops['insert']:,} new, {ops['noop']:,} known"
    said += f", {ops['edit']:,} that differ from yours of the same id and would replace them" if ops["edit"] else ""
    return Checked(said + ".", ops["insert"] + ops["edit"])


def write(memory: ThoughtMemory, path: str | Path, user_id: str) -> tuple[str, str | None]:
    """Import a file, checked once more, and delete the upload: what was done in words, and the token that undoes it.

    Raises:
        ValueError: as :func:`read_file` and :meth:`bethink.memory.ThoughtMemory.import_`; nothing was written.
    """
    changes: list[Change] = memory.import_(read_file(path), user_id=user_id)
    made = [change for change in changes if change.op != "noop"]
    Path(path).unlink(missing_ok=True)
    return f"{count(len(made), 'thought')} imported.", made[0].token if made else None


def build_import(agent: Agent, board: Board) -> None:
    """Build the part inside the current Blocks."""
    with gr.Accordion("Import thoughts", open=False, elem_id="memory-import"):
        gr.HTML(
            "<p class='hint'>A file of JSON lines, as the export below writes it, of at most "
            f"{MAX_FILE / 1e6:.0f} MB (the command line takes any). It is checked whole, and nothing is written before "
            "you say so. Whoever the thoughts belonged to, they become yours.</p>"
        )
        upload = gr.File(label="File", type="filepath", height=120, elem_id="import-file")
        line = gr.HTML(elem_id="import-said")
        listed = gr.Dataframe(
            headers=["Line", "What is wrong"],
            interactive=False,
            wrap=True,
            max_height=300,
            label="Not imported",
            column_widths=["15%", "85%"],
            visible=False,
            elem_id="import-table",
        )
        go = gr.Button("Import", variant="primary", size="sm", visible=False, elem_id="import-go")
    report = [line, listed, go]

    def nothing() -> list[Any]:
        return ["", gr.update(visible=False), gr.update(visible=False)]

    def on_upload(path: str | None, request: gr.Request) -> list[Any]:
        if not path:
            return nothing()
        found = check(agent.memory, path, board.user_of(request))
        table = gr.update(value=[[f"{n:,}", why] for n, why in found.problems], visible=bool(found.problems))
        label = f"Import {count(found.writes, 'thought')}"
        return [said_line(found.said), table, gr.update(value=label, visible=found.writes > 0)]

    def on_go(path: str | None, words: str, everything: bool, request: gr.Request) -> list[Any]:
        try:
            if not path:
                raise ValueError("Choose a file first.")
            said, token = write(agent.memory, path, board.user_of(request))
        except ValueError as problem:
            return [None, *nothing(), *board.refused(f"Nothing was imported. {sentence(problem)}")]
        return [None, *nothing(), *board.done(said, token, words, everything, request)]

    upload.upload(on_upload, [upload], report, **SLOW)
    upload.clear(nothing, None, report, **QUICK)
    go.click(on_go, [upload, *board.inputs], [upload, *report, *board.outputs], **SLOW)


def build_export(agent: Agent, user_of: UserOf) -> None:
    """Build the part inside the current Blocks; it changes nothing."""
    with gr.Row():
        export = gr.Button("Prepare an export (JSON lines)", size="sm", elem_id="memory-export")
        file = gr.File(label="Download", visible=False, elem_id="memory-file")

    def on_export(request: gr.Request) -> Any:
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=os.environ.get("GRADIO_TEMP_DIR")))
        path = folder / "thoughts.jsonl"
        lines = [line.rstrip("\n") + "\n" for line in agent.memory.export(user_id=user_of(request))]
        path.write_text("".join(lines), encoding="utf-8")
        return gr.update(value=str(path), visible=True, label=f"{len(lines)} thoughts")

    export.click(on_export, None, [file], **QUICK)
