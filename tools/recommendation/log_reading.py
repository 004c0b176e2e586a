"""A user's log beside its catalogue as samples of the catalogue's items, with what is to be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.tools.contract import ToolError
from bethink.tools.findings import quoted
from bethink.tools.recommendation.catalogue import Catalogue
from bethink.tools.recommendation.samples import Samples
from bethink.tools.tables import TableFileError

if TYPE_CHECKING:
    from bethink.tools.frames import Frame
    from bethink.tools.recommendation.schema import Schema

ADVICE = "A log's columns are known by names such as customer_id, item_id, rating or clicked, and time: rename yours."
OF_INTEREST = ("unknown_item", "labels", "no_time")
"""Findings that are told."""


@dataclass(frozen=True, eq=False)
class Log:
    """A log as it was read.

    ``samples`` are of the catalogue's items, None where no row says yes; ``rated`` says whether labels were ratings;
    ``key`` is the hash of both files.
    """

    name: str
    key: str
    rows: int
    label: str
    columns: dict[str, str]
    samples: Samples | None
    left_out: dict[str, int]
    notes: tuple[str, ...]
    rated: bool = False


def log_table(path: Path, max_bytes: int) -> Frame:
    """The table of an uploaded log.

    Raises:
        ToolError: ``invalid_input`` for what cannot be read as a table.
    """
    from bethink.tools.frames import read_frame

    try:
        return read_frame(path, max_bytes=max_bytes)
    except TableFileError as problem:
        raise ToolError("invalid_input", f"The log {quoted(path.name)}: {problem}", problem.hint) from problem


def read_log(name: str, log: Frame, items: Any, schema: Schema, catalogue: Catalogue, files: Sequence[bytes]) -> Log:
    """The log's rows as samples of the catalogue's items.

    Args:
        name: of the log's file.
        log, items: tables, ``items`` of the catalogue.
        schema: of both.
        catalogue: what ``items`` was read as, in the same order.
        files: contents of both, for the key.

    Raises:
        ToolError: ``invalid_input`` where no row can be used.
    """
    from bethink.tools.recommendation.reading import samples_from_tables
    from bethink.tools.recommendation.schema import SchemaError

    digest = blake2b(digest_size=16)
    for part in files:
        digest.update(len(part).to_bytes(8, "big") + part)
    label = (schema.log and schema.log.label) or "every row is a like"
    columns = {line.column: line.use for line in schema.lines() if line.table == "log"}
    stated = (name, digest.hexdigest(), len(log.frame), label, columns)
    try:
        samples, report = samples_from_tables(log, items, schema=schema, negatives=0)
    except SchemaError as problem:
        if problem.code != "no_positive":
            raise ToolError("invalid_input", str(problem), f"{ADVICE} {problem.hint}") from problem
        return Log(*stated, None, {}, (str(problem),))
    except TableFileError as problem:
        raise ToolError("invalid_input", str(problem), f"{ADVICE} {problem.hint}") from problem
    told = [finding for finding in report.findings if finding.code in OF_INTEREST]
    rated = any(finding.code == "labels" and "holds ratings" in finding.message for finding in told)
    notes = tuple(finding.message for finding in told)
    return Log(*stated, replace(samples, items=catalogue.items), dict(report.left_out), notes, rated)


def bundled_log(name: str, log: Frame, catalogue: Catalogue, content: bytes) -> Log:
    """A log of the catalogue that is here.

    Raises:
        ToolError: ``invalid_input`` if most of its items are not in there, or no row can be used.
    """
    import pandas as pd

    from bethink.tools.recommendation.columns import guess_schema
    from bethink.tools.recommendation.schema import SchemaError

    ids = catalogue.items.ids.tolist()
    domains = [catalogue.domains[number] for number in catalogue.domain]
    table = pd.DataFrame({"item_id": ids, "title": list(catalogue.titles), "domain": domains})
    refusal = ToolError(
        "invalid_input",
        f"The item ids of the log {quoted(name)} are not those of the catalogue that is here.",
        "Give the catalogue that they are of as `upload`; if the log itself has the items' titles, it may be both.",
    )
    try:
        schema = guess_schema(table, log.frame)
    except SchemaError as problem:
        if problem.code == "no_item":
            raise refusal from problem
        raise ToolError("invalid_input", str(problem), f"{ADVICE} {problem.hint}") from problem
    read = read_log(name, log, table, schema, catalogue, (content, repr(ids).encode()))
    if read.left_out.get("unknown_item", 0) > 0.5 * read.rows:
        raise refusal
    return read
