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
def _opened(data: Path | None, user: str | None) -> Iterator[tuple[ThoughtMemory, str]]:
    from bethink.app.build import open_memory
    from bethink.app.settings import load_settings

    settings = load_settings(data=data, user=user)
    memory = open_memory(settings)
    try:
        yield memory, settings.user
    finally:
        memory.close()


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
    with _opened(data, user) as (memory, who):
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
    with _opened(data, user) as (memory, who):
        rows = [{**_row(hit.thought), "score": hit.score} for hit in memory.search(query, user_id=who, k=k)]
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
    with _opened(data, user) as (memory, who):
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
    hard: Annotated[bool, typer.Option("--hard", help="Erase for good: no undo.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only show what would go.")] = False,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Forget thoughts. Without --yes only the list is shown."""
    if not ids and not query:
        fail("Say what to forget: ids, or --query TEXT.", code=2)
    with _opened(data, user) as (memory, who):
        chosen = [t for t in memory.list(user_id=who, query=query or "") if not ids or t.id.startswith(tuple(ids))]
        rows = [_row(thought) for thought in chosen]
        if not rows:
            fail("No thought matches.", "See them with: bethink memory list")
        undo = None
        if yes:
            undo = memory.forget(user_id=who, ids=[row["id"] for row in rows], hard=hard).undo_token
    verb = "Forgotten" if yes else "Would be forgotten (add --yes)"
    emit(
        {"forgotten": len(rows) if yes else 0, "thoughts": rows, "undo_token": undo},
        lambda: _said(verb, rows),
    )


def _said(verb: str, rows: list[dict[str, Any]]) -> None:
    print(f"{verb}: {len(rows)}")
    _table(rows, "")


@app.command("export")
def export_thoughts(
    out: Annotated[str, typer.Argument(help="A file, or '-' for standard output.")] = "-",
    data: Data = None,
    user: User = None,
) -> None:
    """Write all thoughts as JSON lines."""
    with _opened(data, user) as (memory, who):
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
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        fail(f"{path} is not UTF-8 text (byte {problem.start}). Nothing was written.")
    with _opened(data, user) as (memory, who):
        try:
            changes = memory.import_(text.splitlines(), user_id=who)
        except ValueError as problem:
            fail(str(problem))
    count = sum(change.op != "noop" for change in changes)
    emit(
        {"imported": count, "read": len(changes)},
        lambda: print(f"{count} thoughts imported of {len(changes)} read."),
    )
