"""``bethink memory``: look at, add, forget, export and import thoughts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.output import JSON_FLAG, emit, fail

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory

app = typer.Typer(help="Look at, add, forget, export and import thoughts.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="The data folder.")]
User = Annotated[str | None, typer.Option(help="Whose thoughts.")]


@contextmanager
def opened(data: Path | None, user: str | None) -> Iterator[tuple[ThoughtMemory, str]]:
    """The memory of the settings and whose thoughts are meant, until the end of the block."""
    from bethink.app.build import open_memory
    from bethink.app.settings import load_settings

    settings = load_settings(data=data, user=user)
    memory = open_memory(settings)
    try:
        yield memory, settings.user
    finally:
        memory.close()


def undo_hint(token: str) -> str:
    """The command that takes a change back."""
    return f"undo: bethink memory undo {token}"


def _row(thought: Any) -> dict[str, Any]:
    return thought.as_dict()


def _table(rows: list[dict[str, Any]], empty: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print(empty)
        return
    table = Table("id", "learned", "thought", *(["score"] if "score" in rows[0] else []))
    for row in rows:
        cells = [row["id"][:12], row["created_at"][:10], row["text"]]
        table.add_row(*cells, *([f"{row['score']:.2f}"] if "score" in row else []))
    Console().print(table)


@app.command("list")
def list_thoughts(
    query: Annotated[str, typer.Argument(help="Only those that contain this.")] = "",
    inactive: Annotated[bool, typer.Option("--all", help="Also what was forgotten or superseded.")] = False,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """The thoughts, latest first."""
    with opened(data, user) as (memory, who):
        rows = [_row(t) for t in memory.list(user_id=who, query=query, include_inactive=inactive)]
    emit(
        {"thoughts": rows},
        lambda: _table(rows, "No thoughts yet. Chat, or: bethink memory add 'I like green tea.'"),
    )


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to recall.")],
    k: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 5,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """What would be recalled for a message."""
    with opened(data, user) as (memory, who):
        hits = memory.search(query, user_id=who, k=k)
        rows = [{**_row(hit.thought), "score": hit.score, "channels": hit.channels} for hit in hits]
    emit({"thoughts": rows}, lambda: _table(rows, "Nothing is recalled for this."))


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="Something you would say, such as 'I live in Porto.'")],
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Read a text into the memory, as if you had said it; what states nothing is kept as it stands."""
    if not text.strip():
        fail("The text is empty.", "Example: bethink memory add 'I live in Porto.'", code=2)
    with opened(data, user) as (memory, who):
        try:
            changes = memory.add(text, user_id=who) or [memory.insert(text, user_id=who)]
        except ValueError as problem:
            fail(str(problem))
    rows = [{"op": c.op, "id": c.id, "text": c.text, "reason": c.reason} for c in changes]
    emit({"changes": rows}, lambda: print("\n".join(f"{row['op']}: {row['text']}" for row in rows)))


@app.command()
def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, or their first letters.")] = None,
    query: Annotated[str | None, typer.Option(help="Forget what contains this.")] = None,
    before: Annotated[str | None, typer.Option(help="Forget what was true before this date (2024-05-01).")] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Erase for good, past texts too: no undo.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only show what would go.")] = False,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Forget thoughts that fit all that is given. Without --yes only the list is shown."""
    if not ids and not query and not before:
        fail("Say what to forget: ids, --query TEXT or --before DATE.", code=2)
    with opened(data, user) as (memory, who):
        fitting = memory.list(user_id=who, query=query or "", include_inactive=hard, limit=10**9)
        chosen = {t.id: t for t in fitting if not ids or t.id.startswith(tuple(ids))}
        try:
            report = memory.forget(user_id=who, ids=chosen, before=before, hard=hard, dry_run=not yes)
        except ValueError as problem:
            fail(str(problem), code=2)
        rows = [_row(thought) for ident, thought in chosen.items() if ident in report.ids]
        if not rows:
            fail("No thought matches.", "See them with: bethink memory list")
    verb = (
        f"{'Erased' if hard else 'Forgotten'}" if yes else f"Would be {'erased' if hard else 'forgotten'} (add --yes)"
    )
    emit(
        {"forgotten": report.forgotten, "thoughts": rows, "undo_token": report.undo_token},
        lambda: _said(verb, rows, report.undo_token),
    )


def _said(verb: str, rows: list[dict[str, Any]], token: str | None) -> None:
    print(f"{verb}: {len(rows)}")
    _table(rows, "")
    if token:
        print(undo_hint(token))


@app.command("export")
def export_thoughts(
    out: Annotated[str, typer.Argument(help="A file, or '-' for standard output.")] = "-",
    data: Data = None,
    user: User = None,
) -> None:
    """Write all thoughts as JSON lines."""
    with opened(data, user) as (memory, who):
        lines = list(memory.export(user_id=who))
    body = "".join(line.rstrip("\n") + "\n" for line in lines)
    if out == "-":
        sys.stdout.write(body)
        return
    try:
        Path(out).write_text(body, encoding="utf-8")
    except OSError as problem:
        fail(f"{out} cannot be written ({problem.strerror}).", "Give another path, or '-' for standard output.")
    print(f"{len(lines)} thoughts written to {out}", file=sys.stderr)


@app.command("import")
def import_thoughts(
    path: Annotated[str, typer.Argument(help="A file of JSON lines, or '-' for standard input.")],
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Read thoughts from JSON lines. Everything is checked before anything is written."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as problem:
        fail(
            f"{path} cannot be read ({problem.strerror}).",
            "Give the path of a file written by: bethink memory export",
        )
    with opened(data, user) as (memory, who):
        from bethink.memory.transfer import lines_of

        try:
            changes = memory.import_(lines_of(raw), user_id=who)
        except ValueError as problem:
            fail(f"{'standard input' if path == '-' else path}: {problem}")
    made = [change for change in changes if change.op != "noop"]
    token = made[0].token if made else None

    def show() -> None:
        print(f"{len(made)} thoughts imported of {len(changes)} read.")
        if token:
            print(undo_hint(token))

    emit({"imported": len(made), "read": len(changes), "undo_token": token}, show)
