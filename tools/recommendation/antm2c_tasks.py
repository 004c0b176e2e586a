"""The tasks of AntM2C: all scenes together, items and users that are new, and what text and images add.

The papers' bodies were not read by us: the tasks are our reading of their abstracts, and what is left open there (days,
how few samples make an item rare) is an argument. Numbers made with these are not the papers'.

Source: Huan et al. 2023, AntM2C (arXiv 2308.16437), and SIGIR 2024, Exploring multi-scenario multi-modal CTR prediction
with a large scale dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bethink.tools.dates import EPOCH
from bethink.tools.recommendation.metrics import OneClassError, auc, gauc
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Floats, Samples
from bethink.tools.recommendation.splits import Periods

TRAIN_UNTIL, VALID_UNTIL = "2023-08-03 00:00:00", "2023-08-05 00:00:00"
"""The last moments of training and validation that public readers of the sample take."""
FEW = 100
ALL = "all scenes"


class Model(Protocol):
    """What is asked to solve a task; :class:`~.foundation.Foundation` and the baselines do."""

    def fit(self, *samples: Any, **settings: Any) -> Any:
        """Called as ``fit(train, valid, **settings)``: learn from ``train``, stop by ``valid``."""
        ...

    def predict(self, samples: Samples) -> NDArray[Any]:
        """Chance of a click, or any score that is larger where it is likelier [n]."""
        ...


@dataclass(frozen=True, eq=False)
class Task:
    """Samples to learn from, to stop by, and to ask: the last in groups, such as ``cold`` and ``warm``.

    ``name`` is what tables call it.
    """

    name: str
    train: Samples
    valid: Samples
    tests: Mapping[str, Samples]


@dataclass(frozen=True)
class Score:
    """How well one model did in one group and scene; None where a measure has only one label to compare."""

    task: str
    model: str
    group: str
    scene: str
    samples: int
    clicks: int
    auc: float | None
    gauc: float | None


def by_date(samples: Samples, train_until: str = TRAIN_UNTIL, valid_until: str = VALID_UNTIL) -> Periods:
    """What came until ``train_until`` (itself too), then until ``valid_until``, and after it.

    Args:
        samples: with times in seconds since 1970.
        train_until: as ``2023-08-03 00:00:00``; a date alone is its first moment.
        valid_until: likewise, later.

    Raises:
        ValueError: no times, boundaries that are no times or not in order, an empty part.
    """
    if samples.time is None:
        raise ValueError("A split by date needs a time for every sample.")
    first, second = _seconds(train_until), _seconds(valid_until)
    if first >= second:
        raise ValueError(f"Training until {train_until} and validation until {valid_until}: these are not in order.")
    time = samples.time
    masks = {"train": time <= first, "valid": (time > first) & (time <= second), "test": time > second}
    if empty := [name for name, mask in masks.items() if not mask.any()]:
        low, high = (np.datetime64(int(moment), "s") for moment in (time.min(), time.max()))
        raise ValueError(f"No sample would be in {empty[0]!r}: times are {low} to {high}. Give other boundaries.")
    return Periods(*(samples.rows(mask) for mask in masks.values()))


def multi_scenario(samples: Samples, **dates: str) -> Task:
    """All scenes together, learned from the past and asked of the future; ``dates`` as :func:`by_date`."""
    periods = by_date(samples, **dates)
    return Task("multi-scenario", periods.train, periods.valid, {"all": periods.test})


def cold_start(
    samples: Samples,
    of: Literal["item", "user"],
    *,
    few: int = FEW,
    leave_out: float = 0.0,
    seed: int = 0,
    **dates: str,
) -> Task:
    """New items or users: the test in those with no sample in training, with fewer than ``few``, and the others.

    Args:
        samples: with times.
        of: what is new.
        few: so many samples make one warm.
        leave_out: share of the items (users) of training that are made new: all their samples before the test leave.
            For where few are new by themselves.
        seed: of that draw.
        dates: as :func:`by_date`.

    Returns:
        The groups ``cold``, ``few`` and ``warm``; ``few`` and ``warm`` only if there are any.

    Raises:
        ValueError: nobody is cold, ``few`` below 1, a share out of range; and as :func:`by_date`.
    """
    if few < 1 or not 0 <= leave_out < 1:
        raise ValueError(f"few = {few} and leave_out = {leave_out:g}: at least 1, and within [0, 1), are needed.")
    periods = by_date(samples, **dates)
    train, valid = periods.train, periods.valid
    if leave_out:
        known = np.unique(getattr(train, of))
        gone = np.random.default_rng(seed).permutation(known)[: round(len(known) * leave_out)]
        kept = [~np.isin(getattr(part, of), gone) for part in (train, valid)]
        if not all(keep.any() for keep in kept):
            raise ValueError(f"Without a share of {leave_out:g} of the {of}s nothing is left to learn from.")
        train, valid = train.rows(kept[0]), valid.rows(kept[1])
    count = len(samples.items if of == "item" else samples.users)
    seen = np.bincount(getattr(train, of), minlength=count)[getattr(periods.test, of)]
    groups = {"cold": seen == 0, "few": (seen > 0) & (seen < few), "warm": seen >= few}
    if not groups["cold"].any():
        raise ValueError(f"Every {of} of the test is in training, too. Make some of them new with `leave_out`.")
    tests = {name: periods.test.rows(mask) for name, mask in groups.items() if mask.any()}
    return Task(f"{of} cold start", train, valid, tests)


def multi_modal(samples: Samples, *, images: Floats | str | None = None, **dates: str) -> dict[str, Task]:
    """The same samples with ids alone, with text, and with text and images.

    Args:
        samples: with times.
        images: a vector of each item [items, d], NaN where there is none, as of
            :func:`~bethink.tools.recommendation.antm2c_images.image_vectors`; or the name of the column of vectors
            that the samples were read with; None leaves images out.
        dates: as :func:`by_date`.

    Returns:
        ``ids``, ``text``, and ``text and images`` if there are images. In ``ids`` all texts are empty; image vectors
        are numbers of the items in the last one only.

    Raises:
        ValueError: no column of vectors of that name, vectors of another shape; and as :func:`by_date`.
    """
    with_images = None
    if isinstance(images, str):
        mine = np.array([name.rpartition(" ")[0] == images for name in samples.items.number_names], bool)
        if not mine.any():
            raise ValueError(f"The items have no vectors {images!r}: declare the column, with the owner 'item'.")
        with_images = samples
        numbers, names = samples.items.numbers[:, ~mine], np.array(samples.items.number_names)[~mine].tolist()
        samples = replace(samples, items=replace(samples.items, numbers=numbers, number_names=tuple(names)))
    elif images is not None:
        with_images = replace(samples, items=with_vectors(samples.items, images, "image"))
    variants = {"ids": without_text(samples), "text": samples}
    if with_images is not None:
        variants["text and images"] = with_images
    tasks = {}
    for name, variant in variants.items():
        periods = by_date(variant, **dates)
        tasks[name] = Task(f"multi-modal: {name}", periods.train, periods.valid, {"all": periods.test})
    return tasks


def without_text(samples: Samples) -> Samples:
    """The samples with no text of users and items, and no queries."""
    users, items = (replace(part, texts=[""] * len(part)) for part in (samples.users, samples.items))
    return replace(samples, users=users, items=items, queries=(), query=np.full_like(samples.query, NO_QUERY))


def with_vectors(entities: Entities, vectors: Floats, name: str) -> Entities:
    """Entities with a vector of each [N, d] as further numbers ``NAME 0`` and so on.

    Raises:
        ValueError: another shape, or infinite values.
    """
    if vectors.ndim != 2 or len(vectors) != len(entities) or np.isinf(vectors).any():
        raise ValueError(f"Vectors have shape {vectors.shape}; [{len(entities)}, d], finite or NaN, is needed.")
    names = tuple(f"{name} {number}" for number in range(vectors.shape[1]))
    numbers = np.concatenate([entities.numbers, vectors.astype(np.float32)], 1)
    return replace(entities, numbers=numbers, number_names=(*entities.number_names, *names))


def solve(task: Task, name: str, model: Model, **settings: Any) -> list[Score]:
    """Fit a model to a task and ask it: a score for each group, of all scenes and of each.

    Args:
        task: which.
        name: what tables call the model.
        model: not fitted yet.
        settings: passed on to its ``fit``, such as ``seed``.

    Raises:
        ValueError: predictions that are not one finite number a sample.
    """
    model.fit(task.train, task.valid, **settings)
    found = []
    for group, test in task.tests.items():
        chances = np.asarray(model.predict(test), np.float64)
        if chances.shape != (len(test),) or not np.isfinite(chances).all():
            raise ValueError(
                f"{name} predicted {chances.shape}; one finite number for each of {len(test):,} is needed."
            )
        masks = {ALL: np.ones(len(test), bool)}
        masks |= {scene: test.domain == number for number, scene in enumerate(test.domains)}
        for scene, mask in masks.items():
            if mask.any():
                found.append(_score(task.name, name, group, scene, test.rows(mask), chances[mask]))
    return found


def table(scores: Sequence[Score]) -> str:
    """Scores as lines of text, a dash where there is none.

    Example:
        >>> print(table([Score("multi-scenario", "popularity", "all", "all scenes", 90, 30, 0.61234, None)]))
        task            model       group  scene       samples  clicks     AUC  GAUC
        multi-scenario  popularity  all    all scenes       90      30  0.6123     -
    """
    head = ("task", "model", "group", "scene", "samples", "clicks", "AUC", "GAUC")
    rows = [
        (s.task, s.model, s.group, s.scene, f"{s.samples:,}", f"{s.clicks:,}", _shown(s.auc), _shown(s.gauc))
        for s in scores
    ]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = (
        "  ".join(
            cell.ljust(width) if k < 4 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    )
    return "\n".join(lines)


def _score(task: str, model: str, group: str, scene: str, test: Samples, chances: NDArray[np.float64]) -> Score:
    measured: list[float | None] = []
    for measure in (lambda: auc(test.label, chances), lambda: gauc(test.user, test.label, chances)):
        try:
            measured.append(measure())
        except OneClassError:
            measured.append(None)
    return Score(task, model, group, scene, len(test), int(test.label.sum()), *measured)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _seconds(text: str) -> float:
    try:
        return (datetime.fromisoformat(text) - EPOCH).total_seconds()
    except (ValueError, TypeError) as error:  # TypeError: with a time zone
        raise ValueError(f"{text!r} is no time such as 2023-08-03 00:00:00 (without a time zone).") from error
