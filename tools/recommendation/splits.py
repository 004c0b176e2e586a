"""Which samples are learned from and which are asked: items nobody has met, a new scenario, or what came later.

Cold items: a share of the items and all that would tell of them leave training. What that takes besides their own
samples: a search in which a cold item was clicked says what it was searched for, so its other rows go, too.

Constructed searches are built after splitting (:func:`bethink.tools.recommendation.scenarios.search_samples`). What is
measured off items for learning, such as the mean of a number, is to be taken of the items of ``train`` alone: the
tables of a split still hold all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import Samples

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Split:
    """Samples to learn from, to stop by, and to ask: of items that ``train`` has, and of items it has not.

    ``left_out`` is the number of samples that are in none of the four.
    """

    train: Samples
    valid: Samples
    warm: Samples
    cold: Samples
    left_out: int = 0


@dataclass(frozen=True, eq=False)
class Periods:
    """Samples of the past to learn from, of what came next to stop by, and of what came last to ask."""

    train: Samples
    valid: Samples
    test: Samples


@dataclass(frozen=True, eq=False)
class NewScenario:
    """All that is known elsewhere, a little of the new scenario to learn from and to stop by, and its test.

    ``left_out`` is the number of samples of other domains left out, since the test asks for their user and item.
    """

    pretrain: Samples
    train: Samples
    valid: Samples
    test: Samples
    left_out: int = 0


def leave_items_out(samples: Samples, share: float, seed: int, *, valid: float = 0.1, test: float = 0.1) -> Split:
    """Cold items drawn at random, in each domain the same share of those whose samples are mostly there.

    ``cold`` are all samples of cold items. They are in no other part in any role: not as positives, not as negatives,
    and a row of a search (same user, domain, query and time) in which a cold item was clicked is left out of the other
    parts. Samples of the other items go to the three parts by chance, those of one user and item together. One whose
    user or item would be missing in ``train`` goes there: all users and items of ``valid`` and ``warm`` are known.
    Users of ``cold`` may be unknown where all their samples are of cold items.

    Args:
        samples: all.
        share: of the items to be cold, within (0, 1).
        seed: of the draws.
        valid: share of the other items' samples, within (0, 1); ``valid`` + ``test`` below 1.
        test: share for ``warm``.

    Raises:
        ValueError: shares out of range; or a part that would be empty.

    Cost: sorts of n.
    Source: leave-items-out as in Volkovs, Yu and Poutanen 2017, DropoutNet: all interactions of some items held back.
    """
    _check_shares(valid, test)
    if not 0 < share < 1:
        raise ValueError(f"A share of {share:g} of the items cannot be cold; it must be within (0, 1).")
    generator = np.random.default_rng(seed)
    cold = _cold_items(samples, share, generator)[samples.item]
    told = _searches_with(samples, cold & (samples.label > 0)) & ~cold
    draw = _draw_by_pair(samples, generator)
    part = np.where(draw < test, 2, np.where(draw < test + valid, 1, 0))
    part[told | cold] = 3
    part[(part < 3) & ~_known(samples, part == 0)] = 0
    train, stop, warm, asked = _parts(
        samples, {"train": part == 0, "valid": part == 1, "warm": part == 2, "cold": cold}
    )
    return Split(train, stop, warm, asked, int(told.sum()))


def by_time(samples: Samples, *, valid: float = 0.1, test: float = 0.1) -> Periods:
    """Learn from the past, ask of the future: the latest samples are the test, those before them ``valid``.

    Samples of one time stay together, in the earlier part. :func:`known_items` says which of the test's items are new.

    Args:
        samples: with times.
        valid: share of the samples, within (0, 1).
        test: share of the samples.

    Raises:
        ValueError: no times or some missing, shares out of range, an empty part (too few distinct times).

    Cost: a sort of n.
    """
    _check_shares(valid, test)
    times = samples.time
    if times is None or np.isnan(times).any():
        raise ValueError("A split by time needs a time for every sample.")
    in_order = np.sort(times)
    end, last = (in_order[max(0, round(len(times) * part) - 1)] for part in (1 - test - valid, 1 - test))
    masks = {"train": times <= end, "valid": (times > end) & (times <= last), "test": times > last}
    return Periods(*_parts(samples, masks))


def known_items(train: Samples, samples: Samples) -> Mask:
    """Which of the samples have an item that occurs in ``train`` [n].

    Example:
        ``cold = periods.test.rows(~known_items(periods.train, periods.test))``
    """
    return np.isin(samples.item, train.item)


def new_scenario(
    samples: Samples, domain: int | str, share: float, seed: int, *, valid: float = 0.2, test: float = 0.2
) -> NewScenario:
    """One domain is new: a share of its training samples is there, and everything of the other domains.

    The domain's samples are parted by chance into a test and a pool, those of one user and item together. Of the pool,
    in a random order, the first ``share`` is given: ``valid`` of it to stop by, the rest to learn from. So for one seed
    the test is the same for all shares, and what is given at 1 % is given at 5 %, too. Samples of other domains with a
    user and item of the test are left out, or a like of the test would be told by another domain (a constructed search
    and its like, say).

    Args:
        samples: of two domains or more.
        domain: the new one, by number or name.
        share: of the pool, within (0, 1]; 0.01, 0.05, 0.2, say.
        seed: of the draws.
        valid: share of what is given.
        test: share of the domain's samples.

    Raises:
        ValueError: no such domain, shares out of range, too few samples for all parts.

    Cost: sorts of n.
    """
    _check_shares(valid, test)
    if not 0 < share <= 1:
        raise ValueError(f"A share of {share:g} of the training samples is not within (0, 1].")
    number = domain if isinstance(domain, int) else _named(samples, domain)
    inside = samples.domain == number
    if not inside.any() or inside.all():
        what = "no sample" if not inside.any() else "all the samples"
        raise ValueError(
            f"Domain {domain!r} has {what}: a new scenario needs others to learn from, and samples to ask."
        )
    draw = np.where(inside, _draw_by_pair(samples, np.random.default_rng(seed)), np.nan)
    asked = draw < test
    pool = np.flatnonzero(draw >= test)
    given = pool[np.argsort(draw[pool], kind="stable")][: round(len(pool) * share)]
    # every fifth or so by their order, so that those of a smaller share keep their part in a larger one
    stops = np.diff(np.floor(np.arange(len(given) + 1) * valid)) > 0
    if not asked.any() or not stops.any() or stops.all():
        raise ValueError(
            f"A share of {share:g} of {len(pool):,} training samples is {len(given):,}: too few to learn from, stop by "
            "and ask. Take a larger share or domain."
        )
    pairs = samples.user * len(samples.items) + samples.item
    told = ~inside & np.isin(pairs, pairs[asked])
    if told.sum() + inside.sum() == len(samples):
        raise ValueError(f"All samples of other domains repeat the test of domain {domain!r}: none is left.")
    train, stop = samples.rows(given[~stops]), samples.rows(given[stops])
    return NewScenario(samples.rows(~inside & ~told), train, stop, samples.rows(asked), int(told.sum()))


def _cold_items(samples: Samples, share: float, generator: np.random.Generator) -> Mask:
    """Which items are cold [items]; only items with samples can be."""
    pairs, counts = np.unique(samples.item * len(samples.domains) + samples.domain, return_counts=True)
    order = np.lexsort((counts, pairs // len(samples.domains)))
    items = pairs[order] // len(samples.domains)
    last = np.r_[items[1:] != items[:-1], True]  # of each item the domain with most samples
    items, homes = items[last], (pairs[order] % len(samples.domains))[last]
    cold = np.zeros(len(samples.items), bool)
    for home in np.unique(homes):
        there = generator.permutation(items[homes == home])
        cold[there[: int(np.floor(len(there) * share + generator.random()))]] = True
    return cold


def _searches_with(samples: Samples, clicked: Mask) -> Mask:
    """Rows of the searches that have a row of ``clicked``."""
    rows = np.flatnonzero(samples.query >= 0)
    if not len(rows):
        return np.zeros(len(samples), bool)
    columns = [samples.user, samples.domain, samples.query, *([] if samples.time is None else [samples.time])]
    keys = [column[rows] for column in columns]
    order = np.lexsort(keys)
    new = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    search = np.empty(len(rows), np.int64)
    search[order] = np.cumsum(np.r_[False, new])
    found = np.zeros(len(samples), bool)
    found[rows] = np.isin(search, search[clicked[rows]])
    return found


def _draw_by_pair(samples: Samples, generator: np.random.Generator) -> NDArray[np.float64]:
    """Numbers within [0, 1) [n], the same for samples of the same user and item."""
    pairs = samples.user * len(samples.items) + samples.item
    _, number = np.unique(pairs, return_inverse=True)
    return generator.random(int(number.max()) + 1)[number]


def _known(samples: Samples, train: Mask) -> Mask:
    """Whether both the user and the item are in ``train``."""
    return np.isin(samples.user, samples.user[train]) & np.isin(samples.item, samples.item[train])


def _parts(samples: Samples, masks: Mapping[str, Mask]) -> list[Samples]:
    for name, mask in masks.items():
        if not mask.any():
            message = f"Of {len(samples):,} samples none would be in {name!r}."
            raise ValueError(f"{message} More samples, items or distinct times, or larger shares are needed.")
    return [samples.rows(mask) for mask in masks.values()]


def _check_shares(valid: float, test: float) -> None:
    if min(valid, test) <= 0 or not valid + test < 1:
        raise ValueError(f"Shares of {valid:g} and {test:g} leave nothing: both above 0 and less than 1 together.")


def _named(samples: Samples, name: str) -> int:
    if name not in samples.domains:
        raise ValueError(f"There is no domain {name!r}; there are {', '.join(map(repr, samples.domains[:8]))}.")
    return samples.domains.index(name)
