"""What a command prints: results on stdout (for people or as JSON), everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

stderr = Console(stderr=True)

JSON_FLAG = typer.Option(False, "--json", help="Print the result as JSON on stdout.")


def as_json() -> bool:
    """Whether this command line asked for JSON."""
    return "--json" in sys.argv


def emit(data: Any, human: Callable[[], None]) -> None:
    """Print ``data`` as JSON when it was asked for, else call ``human``."""
    if as_json():
        print(json.dumps(data, ensure_ascii=False, default=str))
    else:
        human()


def fail(message: str, hint: str = "", code: int = 1) -> NoReturn:
    """Say what went wrong and what to do next, and end with ``code``."""
    if as_json():
        print(json.dumps({"error": {"message": message, "hint": hint}}, ensure_ascii=False))
    stderr.print(f"[red]Error:[/] {_plain(message)}", highlight=False, soft_wrap=True)
    if hint:
        stderr.print(f"[dim]{_plain(hint)}[/]", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress(what: str, below: Callable[[], Any] | None = None) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr with share, time spent and time left; gives the function to report (share, message) to.

    ``below`` gives what stands under the bar (anything rich can print); it is asked anew twice a second.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        "{task.percentage:>3.0f} %",
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, TimeRemainingColumn(), console=stderr)
    task = bar.add_task(what, total=1.0)

    def shown() -> Any:
        return Group(bar, below()) if below else bar

    with Live(get_renderable=shown, console=stderr, transient=True, refresh_per_second=2 if below else 10):
        yield lambda done, message: bar.update(task, completed=done, description=message or what)
