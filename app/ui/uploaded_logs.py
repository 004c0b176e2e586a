"""An uploaded log of who took what, and which of the files that are there is the catalogue of its items."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT, KNOWN = 20, 0.5
"""Files that are tried as the catalogue, the newest first; share of a log's item ids that it must have."""


@dataclass(frozen=True)
class UploadedLog:
    """Columns of a log, one of its users, and the catalogue's file; None if none that is there has its items."""

    rows: int
    user: str
    item: str
    customer: str
    catalogue: str | None

    def line(self, name: str) -> str:
        """One line for who uploaded it."""
        known = f"{name}: {self.rows:,} rows, taken for a log of who took what: {self.user[:40]} took {self.item[:40]}"
        if self.catalogue is None:
            return (
                f"{known}. The items themselves, ids with titles, are in none of your files: add such a file, then this"
                " one again."
            )
        return (
            f"{known}, items of {self.catalogue}. A command is in the message box, with one of its users in it: "
            "put whom you mean, then press Enter. A model is trained on it first, a minute at most."
        )

    def command(self, name: str) -> str:
        """What recommends to a user of the log."""
        wished = {"upload": self.catalogue, "log": name, "customer": self.customer}
        return f"/recommend {json.dumps(wished, ensure_ascii=False)}"


def log_of(
    source: Path, wanted: str, folder: Path, is_catalogue: Callable[[Path], bool], most: int
) -> UploadedLog | None:
    """The file as a log; None if no columns are named like ids of users and of items, or each user has one row.

    Args:
        source: the file.
        wanted: its name, whose ending says how it is read.
        folder: of the files that are there already.
        is_catalogue: whether one of them is a catalogue.
        most: bytes of a file.
    """
    from bethink.tools.frames import read_frame, words_of
    from bethink.tools.quantities import is_missing, written
    from bethink.tools.recommendation.column_names import ITEM_IDS, USER_IDS
    from bethink.tools.tables import TableFileError

    def read(path: Path, ending: str) -> pd.DataFrame | None:
        try:
            return read_frame(path, max_bytes=most, ending=ending).frame
        except (TableFileError, OSError):
            return None

    frame = read(source, Path(wanted).suffix)
    if frame is None:
        return None
    named = {str(column): words_of(str(column)) for column in frame.columns}
    users = [name for name, words in named.items() if words in {*USER_IDS.split()} - {"uid"}]
    items = [name for name, words in named.items() if words in ITEM_IDS.split() or words in ("item", "product")]
    if not users or not items or frame[users[0]].nunique() >= len(frame):
        return None
    user, item = users[0], items[0]
    known = [level for level in frame[user].dropna().unique()[:9] if not is_missing(level)]
    if not known:
        return None
    for path in sorted(folder.glob("*"), key=lambda path: -path.stat().st_mtime)[:LOOKED_AT] if folder.is_dir() else ():
        if path.is_file() and is_catalogue(path):
            catalogue = read(path, path.suffix)
            if catalogue is not None and _has(catalogue, frame[item]):
                return UploadedLog(len(frame), user, item, written(known[0]), path.name)
    return UploadedLog(len(frame), user, item, written(known[0]), None)


def _has(catalogue: pd.DataFrame, items: pd.Series) -> bool:
    """Whether some column of the catalogue has most of the items that the log names."""
    from bethink.tools.quantities import coded, is_missing, written

    def texts(column: pd.Series) -> set[str]:
        codes, levels = coded(column)
        return {written(levels[code]) for code in set(codes[codes >= 0].tolist()) if not is_missing(levels[code])}

    named = texts(items)
    return bool(named) and any(
        len(named & texts(catalogue[column])) >= KNOWN * len(named) for column in catalogue.columns
    )
