"""Uploaded observations: kept in the user's folder under a safe name, read once, and offered as a command."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

ENDINGS = (".csv", ".tsv", ".txt")
MAX_BYTES = 50_000_000
LONGEST_STEM = 60


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


def keep(source: Path, folder: Path, name: str = "") -> Path:
    """Copy an upload into ``folder`` (made private) under a safe name of its own; the same file twice is kept once.

    Raises:
        ValueError: a file larger than `MAX_BYTES`.
        OSError: the folder cannot be written.
    """
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"The file has {size / 1e6:,.0f} MB; {MAX_BYTES / 1e6:,.0f} MB is the most.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = Path(safe_name(name or source.name))
    number, path = 1, folder / wanted
    while path.exists() or path.is_symlink():
        if path.is_file() and not path.is_symlink() and filecmp.cmp(source, path, shallow=False):
            return path
        number += 1
        path = folder / f"{wanted.stem}-{number}{wanted.suffix}"
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as part, source.open("rb") as content:
        shutil.copyfileobj(content, part)
    Path(part.name).replace(path)
    return path


def take(source: Path, folder: Path, name: str = "") -> tuple[str, str]:
    """Read an upload and keep it: (one line for the user, the command to run; empty if the file cannot be used).

    What cannot be read as observations is not kept.
    """
    from bethink.tools.filtering.observations import ObservationError, read_observations
    from bethink.tools.filtering.tool_series import guess_noise

    try:
        series = read_observations(source, max_bytes=MAX_BYTES)
        path = keep(source, folder, name)
    except ObservationError as problem:
        return f"Not added. {problem} {problem.hint}", ""
    except ValueError as problem:
        return f"Not added. {problem}", ""
    except OSError as problem:
        return f"Not added. The file cannot be stored ({problem.strerror}).", ""
    rows, columns = series.values.shape
    missing = int((series.values != series.values).sum())
    named = ", ".join(column[:40] for column in series.columns[:4]) + (", …" if columns > 4 else "")
    line = f"{path.name}: {columns:,} column{'' if columns == 1 else 's'} ({named}), {rows:,} rows, "
    line += f"{missing:,} value{'' if missing == 1 else 's'} missing. " if missing else "none missing. "
    line += "A command is in the message box; its noise is a guess: put what you know of the errors, then press Enter."
    return line, command_for(path.name, guess_noise(series.values))


def command_for(name: str, noise: float) -> str:
    """What runs the filters on an uploaded file; ``noise`` stands there to be set.

    Example:
        >>> command_for("river.csv", 0.5)
        '/track_state {"upload": "river.csv", "system": "random_walk", "noise": 0.5}'
    """
    return f"/track_state {json.dumps({'upload': name, 'system': 'random_walk', 'noise': noise})}"
