"""The sets of the benches, their splits and their text vectors. ``BETHINK_RECO_DATA`` names the folder they lie in.

MovieLens has one site and no search box: its domains, groups of genres, and its searches are constructed. Complete
Journey has true domains and texts, but only purchases: what was not bought is drawn by chance. Both additions are made
within each part of a split, so that no part tells of another.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bethink.tools.recommendation.baselines.features import Texts
from bethink.tools.recommendation.negatives import with_negatives
from bethink.tools.recommendation.samples import Samples
from bethink.tools.recommendation.scenarios import by_genre, joined, search_samples
from bethink.tools.recommendation.splits import leave_items_out
from bethink.tools.recommendation.text_features import TextFeatures
from tests.benchmarks.report import RESULTS, Bar, commit

COLD, COLD_VALID, VALID, TEST = 0.2, 0.1, 0.1, 0.1
"""Shares: of the items cold; of the others cold for validation; of the warm samples to stop by and to ask."""
MOST_VALID = 40_000
"""Validation samples at most, so that looking at them takes little of the time for training."""
SEARCHES, NEGATIVES, HOUSEHOLDS = 0.03, 2, 300
"""Share of likes that a search is constructed of, five rows each; negatives of a purchase; households taken."""
TEMPORARY = "BETHINK_RECO_TEXTS"
"""Tells the jobs of a part where its text vectors are."""
Add = Callable[[Samples, int, Samples | None], Samples]
"""A part with what is added to it: (part, seed, the parts before it)."""


@dataclass(frozen=True)
class Source:
    """A set.

    Args:
        files: its folder has a file of one of these names.
        read: from that folder.
        seconds: of wall time that a training on it may take.
        add: what is added to each part of a split for cold start.
        add_to_scenarios: of one for a new scenario.
    """

    files: tuple[str, ...]
    read: Callable[[Path], Samples]
    seconds: float
    add: Add | None = None
    add_to_scenarios: Add | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """What a model learns from, stops by (half of it of items that ``train`` lacks) and is asked."""

    train: Samples
    valid: Samples
    warm: Samples
    cold: Samples


def _movielens(folder: Path) -> Samples:
    from bethink.tools.recommendation.movielens import read_movielens

    return by_genre(read_movielens(folder))


def _complete_journey(folder: Path) -> Samples:
    from bethink.tools.recommendation.complete_journey import read_complete_journey

    samples = read_complete_journey(folder, described=True)
    chosen = np.random.default_rng(0).permutation(len(samples.users))[:HOUSEHOLDS]
    return samples.rows(np.isin(samples.user, chosen))


def _searches(part: Samples, seed: int, known: Samples | None) -> Samples:
    return joined(part, search_samples(part, seed, known=known, share=SEARCHES))


def _negatives(part: Samples, seed: int, known: Samples | None) -> Samples:
    return with_negatives(part, seed, known=known, per_positive=NEGATIVES)


SETS = {
    "movielens_1m": Source(("ml-1m.inter*", "*ratings.dat*"), _movielens, 120.0, _searches),
    "complete_journey": Source(("transactions.parquet",), _complete_journey, 60.0, _negatives, _negatives),
}
"""Sets that the bars are of."""
SMALL = {"movielens_100k": Source(("ml-100k.inter*",), _movielens, 20.0, _searches)}
"""Sets to try the benches with: ``BETHINK_RECO_SETS=movielens_100k``."""


def wanted() -> tuple[str, ...]:
    """The sets that ``BETHINK_RECO_SETS`` names, or all that the bars are of.

    Raises:
        ValueError: a name that is not there.
    """
    names = tuple(name for name in os.environ.get("BETHINK_RECO_SETS", "").split(",") if name) or tuple(SETS)
    unknown = set(names) - set(SETS | SMALL)
    if unknown:
        raise ValueError(f"There is no set {', '.join(sorted(unknown))}; choose from {', '.join(SETS | SMALL)}.")
    return names


def source(name: str) -> Source:
    """A set by its name."""
    return (SETS | SMALL)[name]


def place(name: str) -> Path | None:
    """The folder with a set's files, at or below that of ``BETHINK_RECO_DATA``; None: it is not there."""
    named = os.environ.get("BETHINK_RECO_DATA")
    found = [file for pattern in source(name).files for file in sorted(Path(named).rglob(pattern))] if named else []
    return found[0].parent if found else None


@cache
def read(name: str) -> Samples:
    """All samples of a set, positive ones only where the others are drawn.

    Raises:
        FileNotFoundError: its files are not there.
    """
    folder = place(name)
    if folder is None:
        raise FileNotFoundError(f"BETHINK_RECO_DATA names no folder that has {name} in it or below.")
    return source(name).read(folder)


def cold_start_parts(name: str, seed: int) -> Parts:
    """Leave items out twice: first the test's cold items, then, of the others, those for validation.

    So validation asks what the test asks, of warm and of cold items, and of none that the test asks for.
    """
    samples, add = read(name), source(name).add
    outer = leave_items_out(samples, COLD, seed, valid=VALID, test=TEST)
    rest = joined(outer.train, outer.valid, outer.warm)
    inner = leave_items_out(rest, COLD_VALID, seed + 1000, valid=VALID, test=TEST)
    parts = [inner.train, inner.valid, inner.cold, inner.warm, outer.cold]
    train, *valid, warm, cold = enlarged(parts, seed, add) if add else parts
    both = joined(*valid)
    some = np.random.default_rng(seed).permutation(len(both))[:MOST_VALID]
    return Parts(train, both.rows(some), warm, cold)


def enlarged(parts: Sequence[Samples], seed: int, add: Add) -> list[Samples]:
    """Each part with what is added to it, those before it being known; all with the same domains and queries."""
    wholes = [
        add(part, seed * 10 + number, joined(*parts[:number]) if number else None) for number, part in enumerate(parts)
    ]
    every, ends = joined(*wholes), np.cumsum([len(whole) for whole in wholes])
    return [every.rows(np.arange(end - len(whole), end)) for whole, end in zip(wholes, ends, strict=True)]


def each_set(
    part: str,
    measure: Callable[[str], tuple[list[Bar], dict[str, Any]]],
    not_measured: Callable[[str], list[Bar]],
    lacking: str = "",
) -> tuple[list[Bar], dict[str, Any]]:
    """Bars and figures of all sets: measured now if wanted and there, else as the results' file has them.

    Args:
        part: of the bench.
        measure: of a set, its bars and figures.
        not_measured: the bars of a set that is not there.
        lacking: what else is not there, in words; then nothing is measured.
    """
    file = RESULTS / "recommendation.json"
    kept = (
        json.loads(file.read_text(encoding="utf-8"))["figures"].get(part, {}).get("sets", {}) if file.exists() else {}
    )
    bars: list[Bar] = []
    figures: dict[str, Any] = {}
    for name in dict.fromkeys((*SETS, *wanted())):
        why = lacking or ("" if place(name) else f"BETHINK_RECO_DATA names no folder with {name}")
        if name in wanted() and not why:
            measured_at = commit()
            with kept_texts():
                own, found = measure(name)
            figures[name] = {"commit": measured_at, "bars": [asdict(each) for each in own], **found}
        elif name in kept and "bars" in kept[name]:
            figures[name] = kept[name]
        else:
            why = why or "BETHINK_RECO_SETS does not name it"
            print(f"{name} is not measured: {why}.", file=sys.stderr)
            figures[name] = {"not_measured": why}
        bars += [Bar(**each) for each in figures[name]["bars"]] if "bars" in figures[name] else not_measured(name)
    return bars, {"sets": figures}


@cache
def features() -> TextFeatures:
    """MiniLM's vectors, kept on disk beside the finished trainings, or for as long as the process lives."""
    from bethink.models.embedder import SentenceEmbedder

    kept = os.environ.get("BETHINK_BENCH_CACHE") or os.environ.get(TEMPORARY)
    return TextFeatures(SentenceEmbedder(), Path(kept) / "recommendation_texts" if kept else None)


@contextmanager
def kept_texts() -> Iterator[None]:
    """The jobs of a part find each other's text vectors, in a folder that is removed after it where none is named."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[TEMPORARY] = folder
        try:
            yield
        finally:
            del os.environ[TEMPORARY]
            features.cache_clear()


def text_vectors(samples: Samples) -> Texts:
    """Vectors of items, queries and, where they have texts, users."""
    users = features().of(samples.users.texts) if any(samples.users.texts) else None
    return Texts(features().of(samples.items.texts), features().of(samples.queries), users)
