"""Exceptions that stand for something the user can mend."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

KNOWN = {
    "CheckpointsError",
    "DataFolderError",
    "EvaluationError",
    "MemoryLockedError",
    "MissingModelError",
    "OtelMissingError",
    "PortError",
    "SettingsError",
    "ThreadNotFound",
    "UnknownModelError",
    "UserError",
}


def quiet_logs() -> None:
    """Keep logs and warnings off the terminal until :func:`log_to` gives them a file."""
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")


def log_to(folder: Path) -> None:
    """Write warnings and errors, tracebacks included, to ``bethink.log`` in the data folder (two files of 1 MB)."""
    handler = RotatingFileHandler(
        folder / "bethink.log", maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)


def friendly(problem: Exception, fail: Callable[..., Any]) -> int:
    """Report an exception and give the exit code: 2 for a wrong command line, 1 for the rest.

    What is not known to be the user's to mend is raised again, with its traceback.
    """
    import typer

    from bethink.tools.contract import ToolError

    names = {kind.__name__ for kind in type(problem).__mro__}
    try:
        if "ClickException" in names:  # typer brings its own copy of click
            problem.show()  # type: ignore[attr-defined]
            return int(problem.exit_code)  # type: ignore[attr-defined]
        if isinstance(problem, ToolError):
            fail(problem.message, problem.hint)
        if names & KNOWN or any(kind.__module__.startswith("bethink.memory") for kind in type(problem).__mro__):
            fail(str(problem))
    except typer.Exit as done:
        return int(done.exit_code)
    raise problem
