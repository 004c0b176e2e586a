"""``bethink memory verify-erased``, ``delete-user`` and ``vacuum``: erasure, and the proof of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.commands.memory import Data, User
from bethink.app.commands.memory_changes import app
from bethink.app.output import JSON_FLAG, emit, fail

if TYPE_CHECKING:
    from bethink.app.erasure import Verified

ServerFolder = Annotated[
    Path | None, typer.Option(help="The Chroma server's folder, if it is on this machine: its files are read, too.")
]


@app.command("verify-erased")
def verify(
    sayings: Annotated[list[str], typer.Argument(help="Texts that were erased, or ids of thoughts.")],
    server_folder: ServerFolder = None,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Read every place again, files byte by byte; exit code 1 and a table if something is left."""
    from bethink.app.erasure import verify_erased
    from bethink.app.settings import load_settings

    _check(server_folder)
    try:
        found = verify_erased(load_settings(data=data, user=user), sayings, server_folder)
    except ValueError as problem:
        fail(str(problem), "Example: bethink memory verify-erased 'I live in Porto.'", code=2)
    emit(_data(found), lambda: _show(found))
    raise typer.Exit(1 if found.traces else 0)


@app.command("delete-user")
def delete(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go.")] = False,
    threads: Annotated[bool, typer.Option("--threads", help="Also all chats, uploads and plots.")] = False,
    server_folder: ServerFolder = None,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Erase all thoughts of a user for good, then look whether anything is left. There is no way back."""
    from bethink.app.build import open_memory
    from bethink.app.erasure import delete_user
    from bethink.app.settings import load_settings

    _check(server_folder)
    settings = load_settings(data=data, user=user)
    if not yes:
        with open_memory(settings) as memory:
            count = int(memory.stats(user_id=settings.user)["thoughts"])
        said = f"{count} thoughts of {settings.user!r} would be erased for good (add --yes)."
        emit({"erased": 0, "thoughts": count}, lambda: print(said))
        return
    done = delete_user(settings, threads=threads, server_folder=server_folder)
    counts = {"erased": done.thoughts, "threads": done.threads, "files": done.files}

    def show() -> None:
        print(f"Erased: {done.thoughts} thoughts, {done.threads} chats, {done.files} files of chats.")
        _show(done.verified)
        if not threads and any(trace.place.startswith("chat ") for trace in done.verified.traces):
            print("Chats hold what was typed in them: add --threads to delete them, too.")

    emit({**counts, **_data(done.verified)}, show)
    raise typer.Exit(1 if done.verified.traces else 0)


@app.command("vacuum")
def clean(
    folder: Annotated[Path, typer.Argument(help="The folder of a Chroma server that is stopped.")],
    json_: bool = JSON_FLAG,
) -> None:
    """Free a server's files of the bytes of deleted thoughts, which no request to the server does. Stop it first.

    A data folder's own store needs none of this: it is cleaned at each deletion.
    """
    from bethink.memory.vacuum import vacuum

    database = folder / "chroma.sqlite3"
    if not database.is_file():
        fail(f"{folder} is not a Chroma folder.", "Give the FOLDER of: chroma run --path FOLDER", code=2)
    before = database.stat().st_size
    vacuum(folder)
    after = database.stat().st_size
    emit({"bytes_before": before, "bytes": after}, lambda: print(f"Cleaned: {before:,} bytes before, {after:,} now."))


def _check(server_folder: Path | None) -> None:
    if server_folder is not None and not server_folder.is_dir():
        fail(f"{server_folder} is not a folder.", "Give the FOLDER of: chroma run --path FOLDER", code=2)


def _data(found: Verified) -> dict[str, Any]:
    traces = [trace.as_dict() for trace in found.traces]
    return {"erased_everywhere": not traces, "traces": traces, "known_otherwise": list(found.shared)}


def _show(found: Verified) -> None:
    from rich.console import Console
    from rich.table import Table

    if found.shared:
        print(f"Other thoughts say it, too, so files were not searched for: {' | '.join(found.shared[:10])}")
    if not found.traces:
        print("Nothing of it is left.")
        return
    table = Table("place", "found as", "times", "what")
    for trace in found.traces:
        table.add_row(trace.place, trace.form, str(trace.count), trace.what[:80])
    Console().print(table)
