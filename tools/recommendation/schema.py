"""What the columns of a catalogue, a log and a table of users are: declared here, guessed by :mod:`columns`.

A log has roles: who (user) took what (item), whether (label), in reply to which words (query), where (domain), when
(time). A catalogue or a table of users has an id and features of four kinds: text, sparse (one of some levels), number
and image. A column may be both text and sparse: a brand is a level to be learned, and a word that says something of a
new item.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

from bethink.tools.findings import TableError, listed, quoted

Table = Literal["log", "items", "users"]
ROLES = ("user", "item", "label", "query", "domain", "time")
KINDS = ("texts", "sparse", "numbers", "images")


class SchemaError(TableError):
    """Columns that do not make up a catalogue or log: ``code`` names the kind, ``hint`` says what to do."""


@dataclass(frozen=True)
class LogColumns:
    """Roles of a log's columns, None where there is none.

    Without ``user`` all rows are one unknown user's; without ``label`` all rows are clicks; without ``domain`` the
    catalogue's domain counts, if it has one.
    """

    item: str
    user: str | None = None
    label: str | None = None
    query: str | None = None
    domain: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class EntityColumns:
    """Id and features of a catalogue's or of users' columns; without ``id`` rows are numbered from 1.

    ``texts`` are joined in their order, the name or title first. ``images`` are known to be images and are not learned
    from. ``domain`` is where the items of a catalogue belong.
    """

    id: str | None = None
    texts: tuple[str, ...] = ()
    sparse: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    domain: str | None = None


class Line(NamedTuple):
    """One column as a person is shown it."""

    table: str
    column: str
    use: str
    reason: str


@dataclass(frozen=True)
class Schema:
    """Which column is what, in up to three tables.

    ``reasons`` says why, by table and column: ``("items", "title")``. ``left_out`` says of columns that are not used
    why not.

    Example:
        >>> schema = Schema(EntityColumns("sku", texts=("title",)), LogColumns("sku", user="customer"))
        >>> [(line.table, line.column, line.use) for line in schema.lines()]
        [('items', 'sku', 'id'), ('items', 'title', 'text'), ('log', 'sku', 'item'), ('log', 'customer', 'user')]
    """

    items: EntityColumns
    log: LogColumns | None = None
    users: EntityColumns | None = None
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def lines(self) -> tuple[Line, ...]:
        """Every column with its use and the reason, those that are not used last: a table to be shown and corrected."""
        used: dict[tuple[str, str], list[str]] = {}
        for table, name, use in self._uses():
            used.setdefault((table, name), []).append(use)
        lines = [Line(*key, " and ".join(uses), self.reasons.get(key, "stated")) for key, uses in used.items()]
        return (*lines, *(Line(*key, "not used", reason) for key, reason in self.left_out.items()))

    def check(self, tables: Mapping[str, Sequence[str]]) -> None:
        """Whether the tables have the columns; ``tables`` gives the names of the columns of each.

        Raises:
            SchemaError: ``no_column`` for a column that is not there.
        """
        for table, name, _ in self._uses():
            names = list(tables.get(table, ()))
            if name not in names:
                near = difflib.get_close_matches(name[:200], names[:2000], 3, 0.5) or names
                hint = f"There are: {listed(near)}." if names else "Give that table, too."
                raise SchemaError("no_column", f"The {called(table)} has no column {quoted(name)}.", hint)

    def _uses(self) -> Iterator[tuple[str, str, str]]:
        singular = {"texts": "text", "numbers": "number", "images": "image"}
        for table in ("items", "users", "log"):
            columns = getattr(self, table)
            for part in fields(columns) if columns is not None else ():
                value = getattr(columns, part.name)
                for name in (value,) if isinstance(value, str) else value or ():
                    yield table, name, singular.get(part.name, part.name)


def called(table: str) -> str:
    """What messages call a table.

    Example:
        >>> called("items")
        'catalogue'
    """
    return {"items": "catalogue", "users": "table of users", "log": "log"}[table]
