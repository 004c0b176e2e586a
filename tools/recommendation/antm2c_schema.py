"""Which columns an AntM2C file has and what they mean, as data; and what was read of one and what refused.

The files and their description were not to be had. :data:`ANTM2C` is what public programs that read the sample of ten
million rows expect of it: a header, ten columns and 27 features without names (``deep_features_0`` to ``_26``), nine of
which such a program took for numbers. Where the published files differ, or for the version of 200 features, say so with
a :class:`Schema` of your own.

Source of the data: Huan et al. 2023, AntM2C (arXiv 2308.16437; SIGIR 2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from bethink.tools.tables import counted, shown

Role = Literal["user", "item", "time", "label", "scene", "text", "sparse", "number", "vector"]
Owner = Literal["user", "item", "sample"]
ONCE: tuple[Role, ...] = ("user", "item", "time", "label", "scene")
"""Roles that one column has, and that has to be there."""
MOST_EXAMPLES = 3
"""Refused rows that are shown, of each reason."""


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: as in the header.
        role: what it is; ``vector`` is numbers in one cell, such as an image's, between blanks, commas or semicolons.
        owner: whose it is. A sample's own is in the batches, but not in :class:`~.samples.Samples`.
        required: whether a file without it is refused. Of a missing one the values are missing.
    """

    name: str
    role: Role
    owner: Owner = "sample"
    required: bool = True


@dataclass(frozen=True)
class Schema:
    """What the files hold; the columns' order does not matter, other columns are passed over, and named in the report.

    Args:
        columns: those that are read; of each of :data:`ONCE` there is one, and it is required.
        scenes: those there are; None takes what comes.
        time_formats: further ways to write a time, as for ``strptime``, besides ``2023-08-06 08:00:00``.
        default_time: taken where a time is missing or none, and counted as mended; None refuses such rows. A public
            reader takes ``2023-08-01 12:00:00``.
        missing: cells that stand for a missing value.
        delimiter: what separates columns.

    Raises:
        ValueError: names or roles there twice, roles missing or unknown, a delimiter that is not one character.
    """

    columns: tuple[Column, ...]
    scenes: tuple[str, ...] | None = None
    time_formats: tuple[str, ...] = ()
    default_time: str | None = None
    missing: frozenset[str] = frozenset({"", "\\N", "NULL", "null", "nan", "NaN", "None"})
    delimiter: str = ","

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise ValueError(f"Columns are declared twice: {', '.join(map(shown, twice))}.")
        for column in self.columns:
            if column.role not in get_args(Role) or column.owner not in get_args(Owner):
                raise ValueError(f"Column {column.name!r} has the role {column.role!r} and owner {column.owner!r}.")
        for role in ONCE:
            found = [column.name for column in self.columns if column.role == role and column.required]
            if len(found) != 1 or len(self.of(role)) != 1:
                raise ValueError(f"One required column must have the role {role!r}; {found or 'none'} has.")
        if len(self.delimiter) != 1 or ord(self.delimiter) > 127 or self.delimiter in '"\r\n':
            raise ValueError(f"Columns cannot be separated by {self.delimiter!r}: one ASCII character is needed.")

    def of(self, *roles: Role) -> tuple[Column, ...]:
        """The columns of some roles, in order."""
        return tuple(column for column in self.columns if column.role in roles)

    def named(self, name: str) -> Column:
        """The column of a name.

        Raises:
            ValueError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise ValueError(f"No column {name!r} is declared; there are {', '.join(c.name for c in self.columns)}.")


_NUMBERS = frozenset({14, *range(19, 27)})

ANTM2C = Schema(
    (
        Column("user_id", "user"),
        Column("item_id", "item"),
        Column("log_time", "time"),
        Column("label", "label"),
        Column("bill_entity_seq", "text", "user"),
        Column("service_entity_seq", "text", "user"),
        Column("query_entity_seq", "text", "user"),
        Column("item_entity_names", "text", "item"),
        Column("item_title", "text", "item"),
        Column("scene", "scene"),
        *(Column(f"deep_features_{i}", "number" if i in _NUMBERS else "sparse", required=False) for i in range(27)),
    )
)
"""The published sample. Whose the 27 features are is not known: they are the sample's own until a schema says else.

The texts of a user change with time, and of one item in twelve the entity names do (a public audit found); they are
``user`` and ``item`` here for :func:`~.antm2c_samples.to_samples`, which takes each one's first.
"""


@dataclass(frozen=True)
class Example:
    """A refused row: file, row below the header and line of the file, both from 1, and what was found there."""

    file: str
    row: int
    line: int | None
    found: str

    def __str__(self) -> str:
        place = f"row {self.row:,}" + ("" if self.line is None else f" (line {self.line:,})")
        return f"{shown(self.file)}, {place}: {self.found}"


@dataclass
class Report:
    """What became of the rows: ``given + refused == read`` when all is read; ``read`` is a block ahead on the way.

    Attributes:
        read: rows below the headers, empty lines too.
        given: rows in batches.
        refused: how many rows, by the first reason found.
        examples: the first of each reason.
        mended: rows that got the schema's ``default_time``; they are given.
        passed_over: names of columns that no schema declares, by file.
        absent: names of declared columns that are not there, by file.
    """

    read: int = 0
    given: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    mended: int = 0
    passed_over: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def refuse(self, reason: str, count: int, examples: Sequence[Example]) -> None:
        """Count rows; the first examples of each reason are kept."""
        self.refused[reason] += count
        kept = self.examples.setdefault(reason, [])
        kept.extend(examples[: MOST_EXAMPLES - len(kept)])

    def as_dict(self) -> dict[str, Any]:
        """The same in JSON values."""
        return {
            "rows read": self.read,
            "rows given": self.given,
            "rows refused": self.refused.total(),
            "refused": dict(self.refused.most_common()),
            "examples": {reason: [str(example) for example in found] for reason, found in self.examples.items()},
            "times mended": self.mended,
            "columns passed over": {file: list(names) for file, names in self.passed_over.items()},
            "columns absent": {file: list(names) for file, names in self.absent.items()},
        }

    def __str__(self) -> str:
        lines = [f"{counted(self.read, 'row')} read, {self.given:,} given, {self.refused.total():,} refused."]
        for reason, count in self.refused.most_common():
            lines.append(f"  {reason}: {count:,}")
            lines.extend(f"    {example}" for example in self.examples.get(reason, ()))
        if self.mended:
            lines.append(f"  {counted(self.mended, 'time')} missing or unreadable: the default time was taken.")
        for title, found in (("not declared, passed over", self.passed_over), ("declared, but absent", self.absent)):
            lines.extend(f"  Columns {title} in {shown(file)}: {', '.join(names)}" for file, names in found.items())
        return "\n".join(lines)
