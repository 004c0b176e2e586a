"""A catalogue or a table of users as :class:`Entities`: ids, texts, levels, numbers; what is left out is counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bethink.tools.findings import Finding, listed, quoted
from bethink.tools.quantities import quantities
from bethink.tools.recommendation.samples import UNKNOWN, Entities, Ints
from bethink.tools.recommendation.schema import EntityColumns, SchemaError, called
from bethink.tools.recommendation.values import LIST_MARKS, clean_text, scripts_of, texts_of
from bethink.tools.tables import TableFileError, counted
from bethink.tools.times import read_times

if TYPE_CHECKING:
    import pandas as pd

OTHER_SCRIPT = 0.05
"""Share of the texts in scripts other than Latin from which on that is reported."""
_LIST = re.compile(rf"\s*[{LIST_MARKS}]\s*")
_END = re.compile(r"[.!?:;。！？]$")


@dataclass(frozen=True, eq=False)
class EntityTable:
    """``entities``; the ids as texts; of each the number of its domain [N] (-1 for none); what is to be known."""

    entities: Entities
    ids: list[str]
    domain: Ints
    domains: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_entities(
    frame: pd.DataFrame, columns: EntityColumns, table: str = "items", *, more: Sequence[str] = ()
) -> EntityTable:
    """Read features; rows without an id, and later rows of the same id, are left out and counted.

    Args:
        frame: the table.
        columns: its columns.
        table: ``items`` or ``users``, for messages.
        more: ids that are not in the table and are put behind it, with nothing known of them.

    Raises:
        SchemaError: ``no_id`` where no row has an id.

    Cost: O(rows columns), and one look at each distinct cell.
    """
    findings: list[Finding] = []
    rows, ids = _rows(frame, columns.id, table, findings)
    if columns.id is not None and columns.domain is not None:
        findings += _about_domains(frame, columns.id, columns.domain)
    part = frame.iloc[rows]
    texts = _texts(part, columns.texts)
    levels, sizes, names = _sparse(part, columns.sparse)
    numbers, number_names = _numbers(part, columns.numbers, findings)
    if columns.texts and table == "items":
        findings += _about_texts(texts)
    domain, domains = (np.full(len(rows), -1), []) if columns.domain is None else texts_of(part[columns.domain])
    if more:
        findings.append(
            Finding(
                "not_in_table",
                f"{counted(len(more), 'user')} of the log {'is' if len(more) == 1 else 'are'} not in the "
                f"{called(table)}, such as {listed(more[:3])}: nothing is known of them.",
                {"users": len(more)},
            )
        )
        ids, texts = [*ids, *more], [*texts, *[""] * len(more)]
        levels = np.concatenate([levels, np.full((len(more), levels.shape[1]), UNKNOWN)])
        numbers = np.concatenate([numbers, np.full((len(more), numbers.shape[1]), np.nan, np.float32)])
        domain = np.concatenate([domain, np.full(len(more), -1)])
    entities = Entities(np.array(ids, dtype=np.str_), texts, levels, sizes, names, numbers, number_names)
    return EntityTable(entities, list(ids), domain.astype(np.int64), tuple(domains), tuple(findings))


def nameless(ids: Sequence[str]) -> Entities:
    """Entities of which only the ids are known."""
    count = len(ids)
    none, numbers = np.zeros((count, 0), np.int64), np.zeros((count, 0), np.float32)
    return Entities(np.array(ids, dtype=np.str_), [""] * count, none, (), (), numbers, ())


def _rows(frame: pd.DataFrame, name: str | None, table: str, findings: list[Finding]) -> tuple[Ints, list[str]]:
    """The first row of each id, in their order; and the ids."""
    if name is None:
        return np.arange(len(frame)), [str(row + 1) for row in range(len(frame))]
    codes, texts = texts_of(frame[name])
    rows = np.flatnonzero(codes >= 0)
    if not len(rows):
        raise SchemaError("no_id", f"Column {quoted(name)} of the {called(table)} is empty.", "State another id.")
    missing = len(frame) - len(rows)
    if missing:
        message = f"{counted(missing, 'row')} of the {called(table)} without an id ({quoted(name)}) left out."
        findings.append(Finding("missing_id", message, {"rows_left_out": missing}))
    first = rows[np.sort(np.unique(codes[rows], return_index=True)[1])]
    repeats = len(rows) - len(first)
    if repeats:
        message = f"{counted(repeats, 'row')} of the {called(table)} repeat an id of an earlier one and were left out."
        findings.append(Finding("repeated_id", message, {"rows_left_out": repeats}))
    return first, [texts[code] for code in codes[first]]


def _texts(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    parts: list[list[str]] = []
    for name in names:
        codes, levels = texts_of(frame[name])
        cleaned = [*(", ".join(filter(None, _LIST.split(clean_text(level)))) for level in levels), ""]
        parts.append([cleaned[code] for code in codes])
    return [_joined(cells) for cells in zip(*parts, strict=True)] if parts else [""] * len(frame)


def _joined(cells: Sequence[str]) -> str:
    """Sentences of the cells, each once.

    Example:
        >>> _joined(["Alien", "In space no one can hear you scream.", "", "Alien"])
        'Alien. In space no one can hear you scream.'
    """
    kept = list(dict.fromkeys(filter(None, cells)))
    return " ".join([cell if _END.search(cell) else f"{cell}." for cell in kept[:-1]] + kept[-1:])


def _sparse(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Ints, tuple[int, ...], tuple[str, ...]]:
    columns, sizes = [], []
    for name in names:
        codes, texts = texts_of(frame[name])
        firsts = [_LIST.split(text.strip(LIST_MARKS))[0].strip() for text in texts]
        known = sorted(set(firsts))
        number = {text: index + 1 for index, text in enumerate(known)}
        columns.append(np.array([*(number[text] for text in firsts), UNKNOWN], np.int64)[codes])
        sizes.append(len(known) + 1)
    levels = np.stack(columns, 1) if columns else np.zeros((len(frame), 0), np.int64)
    return levels, tuple(sizes), tuple(names)


def _numbers(
    frame: pd.DataFrame, names: Sequence[str], findings: list[Finding]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Numbers, or seconds since 1970 of dates; a column that holds neither is left out, saying so."""
    columns: dict[str, NDArray[np.float64]] = {}
    for name in names:
        try:
            found = quantities(frame[name], name)
            values = found.values if found.text is None else read_times(frame[name], name).values
        except TableFileError as error:
            findings.append(Finding("feature_left_out", f"{error} It was left out of the features."))
            continue
        columns[name] = values
    table = np.stack(list(columns.values()), 1) if columns else np.zeros((len(frame), 0))
    return table.astype(np.float32), tuple(columns)


def _about_domains(frame: pd.DataFrame, identifier: str, domain: str) -> list[Finding]:
    (codes, texts), (where, _) = texts_of(frame[identifier]), texts_of(frame[domain])
    there = (codes >= 0) & (where >= 0)
    pairs = np.unique(np.stack([codes[there], where[there]]), axis=1)
    several = np.flatnonzero(np.bincount(pairs[0], minlength=len(texts)) > 1)
    if not len(several):
        return []
    message = (
        f"{counted(len(several), 'id')} of the catalogue, such as {quoted(texts[several[0]])}, occur in several values "
        f"of {quoted(domain)}: the first row counts. If they are different items, give them different ids."
    )
    return [Finding("id_in_domains", message, {"ids": len(several)})]


def _about_texts(texts: Sequence[str]) -> list[Finding]:
    findings = []
    empty = sum(not text for text in texts)
    if empty:
        message = (
            f"{counted(empty, 'item')} of {len(texts):,} {'has' if empty == 1 else 'have'} no text: nothing but "
            "levels and numbers speaks for them until somebody takes them."
        )
        findings.append(Finding("empty_text", message, {"items": empty}))
    repeated = len(texts) - empty - len(set(filter(None, texts)))
    if repeated > 0.5 * (len(texts) - empty):
        message = f"{counted(repeated, 'item')} of {len(texts):,} have the same text as another one."
        findings.append(Finding("repeated_text", message, {"items": repeated}))
    scripts = scripts_of(texts)
    others = {script: count for script, count in scripts.most_common() if script != "Latin"}
    if sum(others.values()) > OTHER_SCRIPT * max(1, sum(scripts.values())):
        parts = ", ".join(f"{script} {count:,}" for script, count in others.items())
        message = (
            f"Texts in other than Latin script: {parts}. A text encoder trained in one language tells little of texts "
            "in others."
        )
        findings.append(Finding("scripts", message, dict(others)))
    return findings
