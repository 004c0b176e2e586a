"""``bethink memory history``, ``undo`` and ``merge``: what happened to thoughts, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.commands.memory import Data, User, app, opened, undo_hint
from bethink.app.output import JSON_FLAG, emit, fail

if TYPE_CHECKING:
    from bethink.app.thought_history import Past
    from bethink.memory import ThoughtMemory


@app.command()
def history(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A thought's id, or its first letters.")],
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """All that happened to a thought, latest first, each with the command that takes it back."""
    from bethink.app.thought_history import history_of

    with opened(data, user) as (memory, who):
        past = history_of(memory, _whole(memory, ident, who), who)
    if not past:
        fail(f"There is no thought {ident!r}.", "See their ids with: bethink memory list --all")
    emit({"history": [one.as_dict() for one in past]}, lambda: print("\n".join(_lines(past))))


@app.command()
def undo(
    token: Annotated[str, typer.Argument(help="As `bethink memory history ID` shows it.")],
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Take back one change, with all that was changed together with it."""
    from bethink.app.thought_history import only_noops
    from bethink.app.thought_history import undo as take_back

    with opened(data, user) as (memory, who):
        try:
            changes, said = take_back(memory, token.strip(), who)
        except ValueError as problem:
            fail(str(problem), "See the changes of a thought with: bethink memory history ID")
    emit({"changes": [change.as_dict() for change in changes], "said": said}, lambda: print(said))
    raise typer.Exit(1 if only_noops(changes) else 0)


@app.command()
def merge(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only show what would become what.")] = False,
    data: Data = None,
    user: User = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Put thoughts that say more of the same into one sentence each. Without --yes only the list is shown."""
    with opened(data, user) as (memory, who):
        changes = memory.merge(user_id=who, dry_run=not yes)
    token = changes[0].token if yes and changes else None
    rows = [{"id": change.id, "text": change.text, "from": change.old} for change in changes]
    emit({"merged": len(rows) if yes else 0, "thoughts": rows, "undo_token": token}, lambda: _merged(rows, token))


def _whole(memory: ThoughtMemory, ident: str, who: str) -> str:
    """The id that starts with these letters; what no thought has is left as it is (it may have been erased)."""
    found = [thought.id for thought in memory.list(user_id=who, include_inactive=True, limit=10**9)]
    starts = [one for one in found if one.startswith(ident)]
    if len(starts) > 1 and ident not in starts:
        fail(f"{len(starts)} thoughts have ids that start with {ident!r}.", "Give more letters of it.", code=2)
    return ident if ident in starts or not starts else starts[0]


def _lines(past: list[Past]) -> list[str]:
    lines = []
    for one in past:
        change = one.change
        why = f" ({one.why})" if one.why else ""
        lines.append(f"{change.at[:16].replace('T', ' ')}  {one.what}{why}: {change.text}")
        if change.old is not None:
            lines.append(f"    before: {change.old}")
        also = f"  # and {one.others} more" if one.others else ""
        lines.append(f"    {one.why_not or undo_hint(change.token) + also}")
    return lines


def _merged(rows: list[dict[str, Any]], token: str | None) -> None:
    if not rows:
        print("Nothing is to be merged: no two thoughts say more of the same about the same.")
        return
    print(f"{'Merged' if token else 'Would be merged (add --yes)'}: {len(rows)}")
    for row in rows:
        print(f"{row['from']}\n    -> {row['text']}")
    if token:
        print(undo_hint(token))
