"""Uploaded files: kept in the user's folder under a safe name, looked at once, and offered as commands."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bethink.app.ui.upload_checks import refuse_odd
from bethink.app.ui.uploaded_logs import log_of

if TYPE_CHECKING:
    from bethink.tools.budget.campaign import CampaignDataset
    from bethink.tools.density.table import Table
    from bethink.tools.filtering.observations import ObservedSeries
    from bethink.tools.recommendation.schema import Schema

ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
MAX_BYTES, MAX_FILES = 50_000_000, 200
"""Of one file, and files of one user."""
LONGEST_STEM = 60
CAMPAIGN_USERS, CAMPAIGN_ROWS = 20, 10_000
"""Fewer users are no campaign; rewards of so many rows are looked at."""
CATALOGUE_ITEMS, CATALOGUE_TITLES = 3, 0.8
"""Fewer items are no catalogue; this share of them must have a title, and of the titles differ."""
PEOPLE = frozenset(
    {"firstname", "lastname", "surname", "vorname", "nachname", "email", "birthday", "birthdate", "iban", "ssn"}
)
"""Words in the names of columns of people, whose names are no titles."""


def safe_name(name: str) -> str:
    """A file name of plain letters, digits, ``-`` and ``_`` with one of `ENDINGS`; nothing of a path is left.

    Example:
        >>> safe_name("../../Wetter März 2024.CSV")
        'Wetter_Marz_2024.csv'
    """
    plain = unicodedata.normalize("NFKD", name.replace("\\", "/").rsplit("/", 1)[-1])
    stem, _, ending = plain.rpartition(".")
    ending = f".{ending.lower()}"
    if not stem or ending not in ENDINGS:
        stem, ending = plain, ".csv"
    letters = re.sub(r"[^A-Za-z0-9_-]+", "_", re.sub(r"[^\x00-\x7f]", "", stem)).strip("_-")
    return (letters[:LONGEST_STEM] or "observations") + ending


@dataclass(frozen=True)
class UploadLimits:
    """What a user may send: bytes of one file (None: `MAX_BYTES`), and how many files may be kept."""

    bytes: int | None = None
    files: int = MAX_FILES


def keep(source: Path, folder: Path, name: str = "", limits: UploadLimits | None = None) -> Path:
    """Copy an upload into ``folder`` (made private) under a safe name of its own; the same file twice is kept once.

    Raises:
        ValueError: a file larger than may be, or one too many.
        OSError: the folder cannot be written.
    """
    limits = limits or UploadLimits()
    size, most = source.stat().st_size, limits.bytes or MAX_BYTES
    if size > most:
        raise ValueError(f"The file has {size:,} bytes; {most:,} is the most.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = Path(safe_name(name or source.name))
    number, path = 1, folder / wanted
    while path.exists() or path.is_symlink():
        if path.is_file() and not path.is_symlink() and filecmp.cmp(source, path, shallow=False):
            return path
        number += 1
        path = folder / f"{wanted.stem}-{number}{wanted.suffix}"
    if sum(1 for _ in folder.iterdir()) >= limits.files:
        raise ValueError(f"{limits.files} files are kept already, which is the most. Delete some in the data folder.")
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as part, source.open("rb") as content:
        shutil.copyfileobj(content, part)
    Path(part.name).replace(path)
    return path


@dataclass(frozen=True)
class Offer:
    """What can be done with a file: the words on a button, and the command."""

    label: str
    command: str


@dataclass(frozen=True)
class Taken:
    """What came of an upload: one line for the user, and what is offered, the likeliest first; nothing if refused."""

    line: str
    offers: tuple[Offer, ...] = ()


def take(source: Path, folder: Path, name: str = "", limits: UploadLimits | None = None) -> Taken:
    """Look at an upload and keep it, if a tool can use it: as a series of observations, a table of rows, a catalogue.

    A file whose columns say who got what, and what came of it, is first of all a campaign; one that says who took which
    item is a log; one with a column that says when is a series; one with a title of its own in most rows is a catalogue
    of items; any other is a table. What is no table at all by its name, size or first bytes is refused unread.
    """
    from bethink.tools.filtering.observations import ObservationError, read_observations
    from bethink.tools.tables import TableFileError

    wanted = safe_name(name or source.name)
    series: ObservedSeries | None = None
    table: Table | None = None
    left_out: tuple[str, ...] = ()
    refusal: TableFileError | None = None
    try:
        refuse_odd(source, name or source.name, ENDINGS, (limits or UploadLimits()).bytes or MAX_BYTES)
        if not wanted.endswith(".parquet"):
            try:
                series = read_observations(source, max_bytes=MAX_BYTES)
            except ObservationError as problem:
                refusal = problem
        try:
            table, left_out = _table_of(source, wanted, series)
        except TableFileError as problem:
            refusal = refusal or problem
        campaign = _campaign_of(source, wanted)
        log = log_of(source, wanted, folder, lambda path: _catalogue_of(path, path.name) is not None, MAX_BYTES)
        catalogue = _catalogue_of(source, wanted) if series is None and campaign is None and log is None else None
        found = (series, table, campaign, catalogue, log)
        if refusal is not None and all(part is None for part in found):
            return Taken(f"Not added. {refusal} {refusal.hint}")
        path = keep(source, folder, name, limits)
    except ValueError as problem:
        return Taken(f"Not added. {problem}")
    except OSError as problem:
        return Taken(f"Not added. The file cannot be stored ({problem.strerror}).")
    tracking = None if series is None else _tracking(path.name, series)
    density = (
        None
        if table is None
        else _density(path.name, table, left_out, series is not None and series.time_column is not None)
    )
    others = [other[1] for other in (density, tracking) if other]
    advice = [Offer("Recommend from it", log.command(path.name))] if log and log.catalogue else []
    if campaign is not None:
        line, offer = _budget(path.name, campaign)
        return Taken(line, (offer, *advice, *others))
    if log is not None:
        return Taken(log.line(path.name), (*advice, *others))
    if catalogue is not None:
        line, offers = _recommending(path.name, catalogue)
        return Taken(line, (*offers, density[1]) if density else offers)
    if tracking and (density is None or (series is not None and series.time_column)):
        return Taken(tracking[0], (tracking[1], density[1]) if density else (tracking[1],))
    assert density is not None
    return Taken(density[0], (density[1], tracking[1]) if tracking else (density[1],))


def _campaign_of(source: Path, wanted: str) -> CampaignDataset | None:
    """The file as a logged campaign; None if its columns do not say who got what and what came of it."""
    from bethink.tools.budget.campaign import CampaignDataset
    from bethink.tools.tables import TableFileError

    try:
        found = CampaignDataset.from_table(source, ending=Path(wanted).suffix, max_bytes=MAX_BYTES)
    except TableFileError:
        return None
    compared = len(set(found.actions.tolist())) > 1 and len(set(found.rewards[:CAMPAIGN_ROWS].tolist())) > 1
    return found if compared and found.user_count >= CAMPAIGN_USERS else None


def _budget(name: str, campaign: CampaignDataset) -> tuple[str, Offer]:
    columns, users = campaign.columns, campaign.user_count
    over = f" over {campaign.horizon} steps" if campaign.horizon > 1 else ""
    cost = f", {columns.cost[:40]} what it cost" if columns.cost else ""
    line = (
        f"{name}: {users:,} users{over}; {columns.action[:40]} is taken for what they got "
        f"({', '.join(label[:20] for label in campaign.labels[:5])}{', …' if len(campaign.labels) > 5 else ''}), "
        f"{columns.reward[:40]} for the goal{cost}. A command is in the message box: put your budget, then press Enter."
    )
    spent = float(campaign.costs.sum()) or float((campaign.actions > 0).sum())
    arguments = {"upload": name, "budget": round(spent) if spent >= 100 else round(spent, 2)}
    return line, Offer("Plan a budget", f"/allocate_budget {json.dumps(arguments, ensure_ascii=False)}")


@dataclass(frozen=True)
class _Items:
    """A file as a catalogue: how many rows, which column is the title, the first title, what each column is for."""

    rows: int
    title: str
    example: str
    schema: Schema


def _catalogue_of(source: Path, wanted: str) -> _Items | None:
    """The file as a catalogue of items, read as ``recommend`` reads it; None if no column titles most rows.

    A table with a column of users is a log or a list of people, and so is one whose names are people's; one with
    nothing but a name and numbers is a table of measurements.
    """
    from bethink.tools.frames import read_frame, words_of
    from bethink.tools.recommendation.catalogue import printable
    from bethink.tools.recommendation.column_names import TITLES, USER_IDS
    from bethink.tools.recommendation.columns import guess_schema
    from bethink.tools.recommendation.tool_run import MOST_ITEMS
    from bethink.tools.recommendation.values import facts_of, texts_of
    from bethink.tools.tables import TableFileError

    try:
        frame = read_frame(source, max_bytes=MAX_BYTES, ending=Path(wanted).suffix).frame
        schema = guess_schema(frame)
    except TableFileError:
        return None
    users, titles = {*USER_IDS.split()} - {"uid"}, {*TITLES.split()}
    named = {str(column): words_of(str(column)) for column in frame.columns}
    people = any(words in users or {*words.split("_"), words.replace("_", "")} & PEOPLE for words in named.values())
    if people or not CATALOGUE_ITEMS <= len(frame) <= MOST_ITEMS:
        return None
    for column in schema.items.texts:
        facts = facts_of(frame[column], column)
        own = facts.filled >= CATALOGUE_TITLES * facts.rows and facts.distinct >= CATALOGUE_TITLES * facts.filled
        items = schema.items
        others = {*items.texts, *items.sparse} - {column}
        measured = named[column] == "name" and items.numbers and not (others or items.id or items.domain)
        if own and not measured and (named[column] in titles or named[column].split("_")[-1] in titles):
            example = printable(texts_of(frame[column])[1][0])[:40].strip() or column
            return _Items(len(frame), column, example, schema)
    return None


def _recommending(name: str, items: _Items) -> tuple[str, tuple[Offer, Offer]]:
    """``shop.csv: 8 rows, taken for items of a catalogue: title is what each is called, …``"""
    columns = items.schema.items
    others = [column for column in columns.texts if column != items.title]
    parts = {"the id": [columns.id] if columns.id else [], "text": others, "numbers": list(columns.numbers)}
    parts |= {"kinds": [column for column in columns.sparse if column not in columns.texts]}
    parts |= {"what each belongs to": [columns.domain] if columns.domain else []}
    parts |= {"not used": [line.column for line in items.schema.lines() if line.use == "not used"]}
    told = "; ".join(f"{use}: {_some(found)}" for use, found in parts.items() if found)
    line = (
        f"{name}: {items.rows:,} rows, taken for items of a catalogue; {items.title[:40]} is what each is called"
        f"{told and f' ({told})'}. A command is in the message box: put what you like and dislike between the last "
        "quotation marks, then press Enter."
    )
    wished = json.dumps({"upload": name, "taste": ""}, ensure_ascii=False)
    sought = json.dumps({"upload": name, "query": items.example}, ensure_ascii=False)
    return line, (Offer("Recommend from it", f"/recommend {wished}"), Offer("Search it", f"/search_catalog {sought}"))


def _some(columns: Sequence[str]) -> str:
    """The first names of columns."""
    return ", ".join(column[:40] for column in columns[:4]) + (", …" if len(columns) > 4 else "")


def _table_of(source: Path, wanted: str, series: ObservedSeries | None) -> tuple[Table, tuple[str, ...]]:
    """(the rows as a table, columns that it leaves out because they hold no numbers).

    A series that was read is not read again; its time is no column of the table.
    """
    from bethink.tools.density.table import MixedColumnsError, read_table, table_of

    if series is not None:
        return table_of(series.columns, series.values), ()
    try:
        return read_table(source, max_bytes=MAX_BYTES, ending=Path(wanted).suffix), ()
    except MixedColumnsError as problem:
        if not problem.usable:
            raise
        table = read_table(source, problem.usable, max_bytes=MAX_BYTES, ending=Path(wanted).suffix)
        return table, tuple(problem.unusable)


def _tracking(name: str, series: ObservedSeries) -> tuple[str, Offer]:
    from bethink.tools.filtering.tool_series import guess_noise

    line = _counted(name, series.columns, len(series.values), int((series.values != series.values).sum()))
    line += "A command is in the message box; its noise is a guess: put what you know of the errors, then press Enter."
    return line, Offer("Track it over time", command_for(name, guess_noise(series.values)))


def _density(name: str, table: Table, left_out: Sequence[str], pick: bool) -> tuple[str, Offer]:
    from bethink.tools.density.tool_limits import MAX_SECONDS, plan_for

    line = _counted(name, table.columns, len(table.values) + table.dropped, 0, table.dropped)
    if left_out:
        more = ", …" if len(left_out) > 4 else ""
        line += f"No numbers in {', '.join(column[:40] for column in left_out[:4])}{more}: left out. "
    seconds = plan_for(len(table.values), len(table.columns), 1_000).seconds
    line += "A command is in the message box: "
    if seconds <= MAX_SECONDS:
        line += f"press Enter to learn what distribution the rows follow (about {seconds:.0f} s)."
    else:
        line += (
            f"it would take about {seconds:.0f} s, and {MAX_SECONDS:.0f} s is the most, so name fewer columns in it."
        )
    columns = table.columns if left_out or pick or seconds > MAX_SECONDS else None
    return line, Offer("Learn its distribution", density_command_for(name, columns))


def _counted(name: str, columns: Sequence[str], rows: int, missing: int, incomplete: int = 0) -> str:
    """``river.csv: 2 columns (level, flow), 120 rows, 1 value missing. ``"""
    line = f"{name}: {len(columns):,} column{'' if len(columns) == 1 else 's'} ({_some(columns)}), {rows:,} rows, "
    if incomplete:
        return line + f"{incomplete:,} of them with a missing value. "
    return line + (f"{missing:,} value{'' if missing == 1 else 's'} missing. " if missing else "none missing. ")


def density_command_for(name: str, columns: Sequence[str] | None = None) -> str:
    """What estimates the density of an uploaded file's rows, in all columns or in those named.

    Example:
        >>> density_command_for("people.csv", ["height", "weight"])
        '/estimate_density {"upload": "people.csv", "columns": ["height", "weight"]}'
    """
    arguments: dict[str, object] = {"upload": name}
    if columns is not None:
        arguments["columns"] = list(columns)
    return f"/estimate_density {json.dumps(arguments, ensure_ascii=False)}"


def command_for(name: str, noise: float) -> str:
    """What runs the filters on an uploaded file; ``noise`` stands there to be set.

    Example:
        >>> command_for("river.csv", 0.5)
        '/track_state {"upload": "river.csv", "system": "random_walk", "noise": 0.5}'
    """
    return f"/track_state {json.dumps({'upload': name, 'system': 'random_walk', 'noise': noise})}"
