"""``bethink users``: who may log in to ``bethink serve``, and their tokens."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bethink.app.output import JSON_FLAG, emit, fail

if TYPE_CHECKING:
    from bethink.app.access.users import Users

app = typer.Typer(help="Who may log in to `bethink serve`, and their tokens.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The user's name, which is also whose memory and chats they have.")]
Data = Annotated[Path | None, typer.Option(help="The data folder.")]
NEEDED = ("argon2", "limits", "prometheus_client")


def require_extra() -> None:
    """End with a sentence where what serving several users needs is not installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        fail(f"Not installed: {', '.join(missing)}.", "Run: pip install 'bethink[serve]'", code=3)


def open_users(data: Path | None) -> Users:
    """The users of the data folder."""
    require_extra()
    from bethink.app.access.users import Users
    from bethink.app.build import data_folder
    from bethink.app.settings import load_settings

    return Users(data_folder(load_settings(data=data).data))


@app.command("add")
def add(name: Name, data: Data = None, json_: bool = JSON_FLAG) -> None:
    """Add a user. The password is asked for, or is the first line of standard input; never give it as an argument."""
    users = open_users(data)
    first = not users.names()
    users.add(name, _password())

    def show() -> None:
        print(f"{name} may log in.")
        if first:
            print("A server that runs already without logins goes on without: start it again.")

    emit({"added": name}, show)


@app.command("list")
def list_users(data: Data = None, json_: bool = JSON_FLAG) -> None:
    """The users, and how many tokens each has."""
    counts = open_users(data).counts()

    def show() -> None:
        for name, tokens in counts.items():
            print(f"{name}: {tokens} token{'' if tokens == 1 else 's'}")
        if not counts:
            print("No users yet: bethink users add NAME")

    emit({"users": [{"name": name, "tokens": tokens} for name, tokens in counts.items()]}, show)


@app.command("remove")
def remove(name: Name, data: Data = None, json_: bool = JSON_FLAG) -> None:
    """Remove a user: their logins and tokens end at once; chats, thoughts and files stay."""
    open_users(data).remove(name)
    erase = f"bethink memory delete-user --user {name} --threads --yes"
    emit({"removed": name}, lambda: print(f"{name} is removed. To erase chats, thoughts and files, too: {erase}"))


@app.command("token")
def token(
    name: Name,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take all tokens of the user back.")] = False,
    data: Data = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Print a new bearer token, once: only its hash is kept. Programs ask /mcp and /metrics with it."""
    users = open_users(data)
    if revoke:
        count = users.revoke(name)
        emit({"revoked": count}, lambda: print(f"{count} token{'' if count == 1 else 's'} of {name} taken back."))
        return
    made = users.new_token(name)
    emit({"token": made}, lambda: print(made))


def _password() -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
        return line or fail("There is no password on standard input.", "Give it as the first line.", code=2)
    from getpass import getpass

    first = getpass("Password: ")
    if getpass("Again: ") != first:
        fail("The two passwords differ.", "Try again.", code=2)
    return first
