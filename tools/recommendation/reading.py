"""From a user's own tables to samples: what fits nowhere is left out and counted, what was decided is said.

The parts: :mod:`schema` (declared columns), :mod:`columns` (guessed ones), :mod:`entities` (catalogue and users),
:mod:`labels` (clicks, ratings, events), :mod:`negatives` (for logs of clicks only). Files are read as the budget tool
reads them: CSV with any separator, decimal mark and BOM, Parquet in a process of its own, frames and Arrow tables.

Example:
    >>> import pandas as pd
    >>> items = pd.DataFrame({"sku": ["a", "b", "c"], "title": ["red lamp", "blue chair", "oak table"]})
    >>> log = pd.DataFrame({"customer": [1, 1, 2, 2], "sku": ["a", "b", "c", "x"], "stars": [5, 1, 4, 3]})
    >>> samples, report = samples_from_tables(log, items)
    >>> samples.label, report.left_out
    (array([1., 0., 1.], dtype=float32), {'unknown_item': 1})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.findings import Finding, listed, quoted
from bethink.tools.frames import MAX_BYTES, Frame, read_frame
from bethink.tools.recommendation.columns import guess_schema
from bethink.tools.recommendation.entities import EntityTable, nameless, read_entities
from bethink.tools.recommendation.labels import read_labels
from bethink.tools.recommendation.negatives import with_negatives
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Ints, Samples
from bethink.tools.recommendation.schema import LogColumns, Schema, SchemaError
from bethink.tools.recommendation.values import clean_text, texts_of
from bethink.tools.tables import counted
from bethink.tools.times import read_times

if TYPE_CHECKING:
    import pandas as pd

ONE_DOMAIN = "all"
NO_DOMAIN = "(none)"
ANYONE = "anyone"
FEW_TIMES = 0.5
"""A column of times of which more than this share is empty is not used."""


@dataclass(frozen=True, eq=False)
class Report:
    """What became of a log.

    Args:
        rows: of the log.
        left_out: rows left out, by reason: ``no_user``, ``no_item``, ``unknown_item``, ``no_label``, ``no_time``,
            ``repeated``.
        findings: what is to be known, as sentences.
        schema: which column was taken for what.
        sampled_negatives: samples with label 0 that no row of the log says.
    """

    rows: int
    left_out: Mapping[str, int]
    findings: tuple[Finding, ...]
    schema: Schema
    sampled_negatives: int = 0


class Reading(NamedTuple):
    """Samples, and how they came about."""

    samples: Samples
    report: Report


def samples_from_tables(
    log: Any,
    items: Any,
    users: Any = None,
    schema: Schema | None = None,
    *,
    stated: Mapping[str, str | Sequence[str]] | None = None,
    threshold: float | None = None,
    negatives: int = 4,
    seed: int = 0,
    max_bytes: int = MAX_BYTES,
) -> Reading:
    """Read a log of who took what, a catalogue, and what is known of users.

    Rows without user, item, label or time (where there are such columns), and rows of items that are not in the
    catalogue, are left out and counted. Of rows of the same user, item, domain and query one stays: the first that says
    yes, else the first. Where all labels say yes, negatives are sampled over the whole log; to sample them after
    splitting, which tells training nothing of the test, ask for 0 and call
    :func:`bethink.tools.recommendation.negatives.with_negatives` for each part.

    Args:
        log: a path, a pandas frame, something with ``__arrow_c_stream__``, or what ``read_frame`` gave.
        items: likewise; rows that repeat an id are left out, so a flat log may be its own catalogue.
        users: likewise, or None.
        schema: which column is what; None guesses.
        stated: what is known of it, as for :func:`bethink.tools.recommendation.columns.guess_schema`.
        threshold: ratings of this and more are likes; None takes what their range suggests.
        negatives: sampled for each click where there are only clicks; 0 for none.
        seed: of their draws.
        max_bytes: largest file.

    Raises:
        TableFileError: a file that cannot be read.
        SchemaError: columns that are not there or not found; ``nothing_left`` where no row remains; ``no_positive``;
            ``no_negatives`` where none can be sampled.

    Cost: O(rows), one look at each distinct cell; a CSV of 1,000,000 rows takes 2.7 s.
    """
    tables = {"items": _frame(items, max_bytes), "log": _frame(log, max_bytes)}
    if users is not None:
        tables["users"] = _frame(users, max_bytes)
    frames = {name: table.frame for name, table in tables.items()}
    if schema is None:
        schema = guess_schema(frames["items"], frames["log"], frames.get("users"), stated=stated)
    schema.check({name: list(frame.columns) for name, frame in frames.items()})
    if schema.log is None:
        raise SchemaError("no_item", "The schema says nothing of the log.", "Give it the log's columns.")
    findings = [Finding("note", f"{name}: {note}") for name, table in tables.items() for note in table.notes]
    catalogue = read_entities(frames["items"], schema.items)
    findings += catalogue.findings
    rows = _Rows(frames["log"], schema.log, catalogue, threshold)
    people = _people(rows, schema, frames.get("users"), findings)
    samples = rows.samples(catalogue.entities, people)
    findings += rows.findings
    positives = int(samples.label.sum())
    if not positives:
        message = f"None of {counted(len(samples), 'row')} says yes: there is nothing to learn from."
        raise SchemaError("no_positive", message, "State another column as log.label, or a lower threshold.")
    sampled = 0
    if positives == len(samples):
        samples, finding = _filled(samples, negatives, seed)
        sampled = len(samples) - positives
        findings.append(finding)
    return Reading(samples, Report(len(frames["log"]), rows.left_out, tuple(findings), schema, sampled))


class _Rows:
    """A log on its way to samples: numbers of items and users, labels, queries, domains, times of the rows kept."""

    def __init__(
        self, frame: pd.DataFrame, columns: LogColumns, catalogue: EntityTable, threshold: float | None
    ) -> None:
        self.findings: list[Finding] = []
        self.left_out: dict[str, int] = {}
        self.columns, count = columns, len(frame)
        item, unknown = self._items(frame, catalogue)
        lacking = {"no_item": (item < 0) & ~unknown, "unknown_item": unknown}
        user, self.user_ids = np.zeros(count, np.int64), [ANYONE]
        if columns.user is not None:
            user, self.user_ids = texts_of(frame[columns.user])
            lacking["no_user"] = user < 0
        label = np.ones(count)
        if columns.label is not None:
            found = read_labels(frame[columns.label], columns.label, threshold)
            label = found.values
            lacking["no_label"] = np.isnan(label)
            if found.note:
                self.findings.append(Finding("labels", found.note))
        self.time = self._times(frame, lacking)
        self._keep(count, lacking)
        self.item, self.user, self.label = item, user, label
        self.query, self.queries = self._queries(frame)
        self.domain, self.domains = self._domains(frame, catalogue)
        self._without_repeats()

    def samples(self, items: Entities, users: Entities) -> Samples:
        """The rows kept."""
        kept = self.kept
        return Samples(
            user=self.user[kept],
            item=self.item[kept],
            domain=self.domain[kept],
            label=self.label[kept].astype(np.float32),
            query=self.query[kept],
            users=users,
            items=items,
            queries=self.queries,
            domains=self.domains,
            time=None if self.time is None else self.time[kept],
        )

    def _items(self, frame: pd.DataFrame, catalogue: EntityTable) -> tuple[Ints, NDArray[np.bool_]]:
        codes, texts = texts_of(frame[self.columns.item])
        place = {text: index for index, text in enumerate(catalogue.ids)}
        item = np.array([*(place.get(text, -1) for text in texts), -1], np.int64)[codes]
        unknown = (codes >= 0) & (item < 0)
        if unknown.any():
            examples = listed(dict.fromkeys(texts[code] for code in codes[np.flatnonzero(unknown)[:3]]))
            message = (
                f"{counted(int(unknown.sum()), 'row')} with items that the catalogue does not have, such as {examples}."
            )
            self.findings.append(Finding("unknown_item", message, {"rows": int(unknown.sum())}))
        return item, unknown

    def _times(self, frame: pd.DataFrame, lacking: dict[str, NDArray[np.bool_]]) -> NDArray[np.float64] | None:
        name = self.columns.time
        if name is None:
            return None
        times = read_times(frame[name], name).values
        missing = np.isnan(times)
        if missing.mean() > FEW_TIMES:
            message = f"Column {quoted(name)} is empty in {missing.mean():.0%} of the rows: times are not used."
            self.findings.append(Finding("no_time", message))
            return None
        lacking["no_time"] = missing
        return times

    def _keep(self, count: int, lacking: Mapping[str, NDArray[np.bool_]]) -> None:
        """Count each row that lacks something once, by the first thing that it lacks."""
        keep = np.ones(count, bool)
        for reason, mask in lacking.items():
            number = int((mask & keep).sum())
            if number:
                self.left_out[reason] = number
            keep &= ~mask
        self.kept = np.flatnonzero(keep)
        if not len(self.kept):
            parts = ", ".join(f"{reason} {number:,}" for reason, number in self.left_out.items())
            hint = "Look at which column was taken for what; ids of log and catalogue must be written alike."
            raise SchemaError("nothing_left", f"None of {counted(count, 'row')} of the log can be used: {parts}.", hint)

    def _queries(self, frame: pd.DataFrame) -> tuple[Ints, tuple[str, ...]]:
        if self.columns.query is None:
            return np.full(len(frame), NO_QUERY, np.int64), ()
        codes, texts = texts_of(frame[self.columns.query])
        number: dict[str, int] = {}
        cleaned = [clean_text(text) for text in texts]
        table = [number.setdefault(text, len(number)) if text else NO_QUERY for text in cleaned]
        return np.array([*table, NO_QUERY], np.int64)[codes], tuple(number)

    def _domains(self, frame: pd.DataFrame, catalogue: EntityTable) -> tuple[Ints, tuple[str, ...]]:
        if self.columns.domain is not None:
            domain, names = texts_of(frame[self.columns.domain])
        elif catalogue.domains:
            domain, names = catalogue.domain[self.item], list(catalogue.domains)
        else:
            return np.zeros(len(frame), np.int64), (ONE_DOMAIN,)
        if (domain[self.kept] < 0).any():
            domain, names = np.where(domain < 0, len(names), domain), [*names, NO_DOMAIN]
        present, numbers = np.unique(domain[self.kept], return_inverse=True)
        domain[self.kept] = numbers
        return domain, tuple(names[number] for number in present)

    def _without_repeats(self) -> None:
        kept = self.kept
        times = np.zeros(len(kept)) if self.time is None else self.time[kept]
        keys = [self.user[kept], self.item[kept], self.domain[kept], self.query[kept]]
        order = np.lexsort([times, -self.label[kept], *keys])
        first = np.r_[True, np.any([np.diff(key[order]) != 0 for key in keys], axis=0)]
        repeats = len(kept) - int(first.sum())
        if repeats:
            self.left_out["repeated"] = repeats
            message = (
                f"{counted(repeats, 'row')} repeat the user, item, domain and query of another one: the first that "
                "says yes was kept, else the first."
            )
            self.findings.append(Finding("repeated", message, {"rows_left_out": repeats}))
        self.kept = kept[np.sort(order[first])]


def _people(rows: _Rows, schema: Schema, frame: pd.DataFrame | None, findings: list[Finding]) -> Entities:
    """The users, and the rows' numbers of them set right."""
    if frame is None or schema.users is None or rows.columns.user is None:
        present, numbers = np.unique(rows.user[rows.kept], return_inverse=True)
        rows.user[rows.kept] = numbers
        return nameless([rows.user_ids[code] for code in present])
    known = set(texts_of(frame[schema.users.id])[1]) if schema.users.id is not None else set()
    seen = [rows.user_ids[code] for code in np.unique(rows.user[rows.kept])]
    table = read_entities(frame, schema.users, "users", more=[text for text in seen if text not in known])
    findings += table.findings
    place = {text: index for index, text in enumerate(table.ids)}
    rows.user = np.array([*(place.get(text, -1) for text in rows.user_ids), -1], np.int64)[rows.user]
    return table.entities


def _filled(samples: Samples, negatives: int, seed: int) -> tuple[Samples, Finding]:
    clicks = f"All {counted(len(samples), 'row')} say yes: nobody is seen to decline anything."
    if not negatives:
        return samples, Finding("clicks_only", f"{clicks} No negatives were sampled.", {"negatives": 0})
    try:
        filled = with_negatives(samples, seed, per_positive=negatives)
    except ValueError as error:
        hint = "Give a log with labels 0, or more items than each user takes."
        raise SchemaError("no_negatives", f"{clicks} {error}", hint) from error
    count = len(filled) - len(samples)
    message = f"{clicks} {counted(count, 'negative')} were sampled from items that the users did not take."
    return filled, Finding("sampled_negatives", message, {"negatives": count})


def _frame(source: Any, max_bytes: int) -> Frame:
    return source if isinstance(source, Frame) else read_frame(source, max_bytes=max_bytes)
