"""The model of a log: trained on four fifths of it, judged beside popularity, kept for the next time.

`Foundation` learns from four fifths of the log. A tenth tells it when to stop; another tenth, of which it learns
nothing, says how well it and popularity tell what was taken from the rest. A log that holds only what was taken gets
negatives drawn by chance, in each part on its own.

A trained model is kept in the user's cache folder under a hash of both files, the settings and the versions. It holds
the ids of the log's users and items, and no texts.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.contract import ToolContext, ToolError, short
from bethink.tools.recommendation.samples import Floats, Samples

if TYPE_CHECKING:
    from bethink.tools.recommendation.foundation import Foundation
    from bethink.tools.recommendation.text_features import TextFeatures

FORMAT = 2
SECONDS = 60.0
"""Of training, at most; reading texts comes before."""
EPOCHS = 30
LEAST_ROWS, LEAST_USERS, LEAST_OF_LABEL = 300, 20, 20
"""With fewer rows, users, or rows of either label, nothing is trained."""
MOST_ROWS = 400_000
"""Of a larger log so many rows, drawn by chance, are learned from."""
HELD_OUT = 0.1
NEGATIVES = 4
MOST_KEPT = 12
"""Models kept; the oldest are removed."""


@dataclass(frozen=True)
class Scores:
    """How the training went: AUC of the model and of popularity on ``held_out`` samples, None where none could be.

    ``drawn_negatives`` counts the samples with label 0 that no row of the log says; ``seconds`` are of the training.
    """

    auc: float | None
    popularity_auc: float | None
    held_out: int
    drawn_negatives: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Learned:
    """A model and its scores; without a model, ``reason`` says why."""

    model: Foundation | None
    scores: Scores | None
    cached: bool = False
    reason: str = ""


def learn(samples: Samples | None, key: str, features: TextFeatures, context: ToolContext) -> Learned:
    """The model of a log: loaded if it was trained before, else trained within :data:`SECONDS` and kept.

    A training that is cancelled is gone on with by the next call. ``key`` tells the files that the samples are of.

    Raises:
        ToolError: ``cancelled``.
    """
    reason = too_small(samples)
    if reason or samples is None:
        return Learned(None, None, reason=reason)
    from bethink.models.convert import default_cache
    from bethink.tools.recommendation.foundation import Foundation
    from bethink.tools.recommendation.training import TrainingSettings

    settings = TrainingSettings(epochs=EPOCHS)
    made = Foundation(features, training=settings)
    about = (key, FORMAT, version("bethink"), features.identity, made.network, settings, SECONDS, MOST_ROWS)
    base = Path(default_cache()) / "logs"
    folder = base / blake2b(repr(about).encode(), digest_size=16).hexdigest()
    kept = _loaded(folder, features)
    if kept is not None:
        return kept
    context.checkpoint(0.3, "Reading the log")
    features.of(samples.queries, lambda done, message: context.checkpoint(0.3, message))
    train, valid, test, drawn = parts(samples)

    def progress(done: float, message: str) -> None:
        context.checkpoint(0.3 + 0.55 * done, f"Learning from the log. {message}")

    aside = folder.with_suffix(".part")
    for checkpoint in (aside, None):
        try:
            made.fit(train, valid, seed=0, max_seconds=SECONDS, progress=progress, checkpoint=checkpoint)
            break
        except (ValueError, OSError) as problem:
            shutil.rmtree(aside, ignore_errors=True)
            if checkpoint is None:
                return Learned(None, None, reason=f"The model could not be trained: {problem}")
    seconds = round(sum(report.seconds for report in made.reports), 2)
    known = _auc(test, made.predict(test))
    scores = Scores(known, _auc(test, popularity(train, bool(drawn))[test.item]), len(test), drawn, seconds)
    _keep(made, scores, folder)
    shutil.rmtree(aside, ignore_errors=True)
    return Learned(made, scores)


def too_small(samples: Samples | None) -> str:
    """Why nothing can be learned from these samples; empty if it can."""
    if samples is None:
        return "No row of the log says yes, so nothing was learned from it."
    users, rows, likes = len(np.unique(samples.user)), len(samples), int(samples.label.sum())
    if rows < LEAST_ROWS or users < LEAST_USERS:
        return (
            f"The log has {rows:,} usable rows of {users:,} users; {LEAST_ROWS} of {LEAST_USERS} users are the least "
            "that something is learned from, so the list goes by taste."
        )
    if likes < LEAST_OF_LABEL or 0 < rows - likes < LEAST_OF_LABEL:
        return (
            f"{likes:,} rows of the log say yes and {rows - likes:,} no; {LEAST_OF_LABEL} of each are the least that "
            "something is learned from, so the list goes by taste."
        )
    return "" if len(np.unique(samples.item)) > 1 else "The log has one item only, so nothing was learned from it."


def parts(samples: Samples) -> tuple[Samples, Samples, Samples, int]:
    """To learn from, to stop by, to ask; and how many negatives were drawn. Rows of one user and item stay together.

    Raises:
        ToolError: ``invalid_input`` where negatives are needed and none can be drawn.
    """
    from bethink.tools.recommendation.negatives import with_negatives

    rng = np.random.default_rng(0)
    _, pair = np.unique(samples.user * len(samples.items) + samples.item, return_inverse=True)
    liked = np.zeros(int(pair.max()) + 1, np.float32)
    np.maximum.at(liked, pair, samples.label)
    part = np.zeros(len(liked), np.int64)
    for label in (0, 1):
        those = rng.permutation(np.flatnonzero(liked == label))
        tenth = int(np.ceil(len(those) * HELD_OUT))
        part[those[:tenth]], part[those[tenth : 2 * tenth]] = 2, 1
    rows = np.flatnonzero(part[pair] == 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    train, valid, test = samples.rows(rows), *(samples.rows(part[pair] == number) for number in (1, 2))
    if not samples.label.all():
        return train, valid, test, 0
    before = samples.rows(part[pair] < 2)
    try:
        filled = (
            with_negatives(train, 0, per_positive=NEGATIVES),
            with_negatives(valid, 1, known=train, per_positive=NEGATIVES),
            with_negatives(test, 2, known=before, per_positive=NEGATIVES),
        )
    except ValueError as problem:
        hint = "Give a log with rows that say no, or of more items than each user takes."
        raise ToolError("invalid_input", f"All rows of the log say yes. {problem}", hint) from problem
    return *filled, sum(map(len, filled)) - len(train) - len(valid) - len(test)


def popularity(train: Samples, drawn: bool) -> Floats:
    """What each item scores by counts alone [items]: its likes where the negatives were ``drawn``, else their share."""
    likes = np.bincount(train.item, train.label, len(train.items))
    if drawn:
        return likes.astype(np.float32)
    shown = np.bincount(train.item, minlength=len(train.items))
    return ((likes + 10 * train.label.mean()) / (shown + 10)).astype(np.float32)


def _auc(samples: Samples, scores: Any) -> float | None:
    from bethink.tools.recommendation.metrics import OneClassError, auc

    try:
        return short(auc(samples.label, scores))
    except OneClassError:
        return None


def _loaded(folder: Path, features: TextFeatures) -> Learned | None:
    """What was kept; None for nothing, or nothing that can be read."""
    from bethink.tools.recommendation.foundation import Foundation

    try:
        scores = Scores(**json.loads((folder / "scores.json").read_text(encoding="utf-8")))
        model = Foundation.load(folder, features)
        return Learned(model, scores, cached=True)
    except (OSError, ValueError, TypeError):
        return None


def _keep(model: Foundation, scores: Scores, folder: Path) -> None:
    """Write the model whole or not at all; a cache that cannot be written only costs the next call its time."""
    aside = folder.with_name(f"{uuid.uuid4().hex}.new")
    try:
        model.save(aside)
        (aside / "scores.json").write_text(json.dumps(asdict(scores)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
        by_age = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in by_age[:-MOST_KEPT]:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
