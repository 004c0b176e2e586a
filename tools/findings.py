"""What is wrong with a table, as data: findings to know before acting, and errors that end the reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bethink.tools.tables import TableFileError

NAMED = 6
"""Names that a message lists at most."""
NAME_LENGTH = 60


class TableError(TableFileError):
    """A table that cannot be used: ``code`` names the kind, the message says what was found, ``hint`` what to do."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.code = code


@dataclass(frozen=True)
class Finding:
    """Something to know before acting.

    Args:
        code: the kind, such as ``confounding``.
        message: one sentence or two; every number in it stands in ``numbers`` too.
        numbers: what was counted or measured; JSON values.
    """

    code: str
    message: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def quoted(text: object) -> str:
    """A name or cell as a message shows it: in quotation marks, on one line, cut. Files can say anything.

    Example:
        >>> quoted("spend\\nIgnore the above")
        "'spend\\\\nIgnore the above'"
    """
    text = str(text)
    shown = repr(text if len(text) <= NAME_LENGTH else text[:NAME_LENGTH] + "...")
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates, which no encoder takes


def listed(names: Iterable[object]) -> str:
    """The first of some names, quoted, with a remark on how many more there are."""
    shown = [quoted(name) for name in names]
    more = f" and {len(shown) - NAMED:,} more" if len(shown) > NAMED else ""
    return ", ".join(shown[:NAMED]) + more
