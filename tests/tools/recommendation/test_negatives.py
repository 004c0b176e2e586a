"""Sampled negatives: never what is taken, never from outside the part, as often as the power says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.negatives import with_negatives
from bethink.tools.recommendation.samples import Entities, Samples


def entities(count: int) -> Entities:
    none = np.zeros((count, 0))
    return Entities(np.arange(count), [""] * count, none.astype(np.int64), (), (), none.astype(np.float32), ())


def clicks(seed: int, n: int = 200, users: int = 20, items: int = 40, *, times: bool = True) -> Samples:
    """Domain 0 has the items below 30, domain 1 those from 20 on."""
    generator = np.random.default_rng(seed)
    domain = generator.integers(0, 2, n)
    return Samples(
        user=generator.integers(0, users, n),
        item=np.where(domain, generator.integers(20, items, n), generator.integers(0, 30, n)),
        domain=domain,
        label=np.ones(n, np.float32),
        query=generator.integers(-1, 2, n),
        users=entities(users),
        items=entities(items),
        queries=("a", "b"),
        domains=("x", "y"),
        time=generator.integers(0, 30, n).astype(float) if times else None,
    )


cases = st.tuples(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0]), st.booleans())


@given(cases)
@settings(deadline=None, max_examples=60)
def test_negatives_are_what_the_user_never_took_and_could_have(case):
    seed, count, power, times = case
    samples = clicks(seed, times=times)
    known = clicks(seed, times=times).rows(np.arange(200) < 50)
    samples = samples.rows(np.arange(200) >= 50)
    known = replace(known, users=samples.users, items=samples.items)
    found = with_negatives(samples, seed, known=known, per_positive=count, power=power)
    starts = np.flatnonzero(found.label > 0)
    for name in ("user", "item", "domain", "query", *(["time"] if times else [])):
        np.testing.assert_array_equal(getattr(found, name)[starts], getattr(samples, name))
    taken = {*zip(samples.user, samples.item, strict=True), *zip(known.user, known.item, strict=True)}
    there = {domain: set(samples.item[samples.domain == domain].tolist()) for domain in (0, 1)}
    for start, end in zip(starts, [*starts[1:], len(found)], strict=True):
        rows = slice(start, end)
        assert end - start <= 1 + count
        assert len(set(found.item[rows].tolist())) == end - start
        for name in ("user", "domain", "query", *(["time"] if times else [])):
            assert len(set(getattr(found, name)[rows].tolist())) == 1
        for item in found.item[start + 1 : end].tolist():
            assert (found.user[start], item) not in taken
            assert item in there[found.domain[start]]
            if times:
                when = np.concatenate([part.time[part.item == item] for part in (samples, known)])
                assert when.min() <= found.time[start]
    if not times:
        assert len(found) > len(samples) * (1 + 0.9 * count)


@pytest.mark.parametrize(("power", "ratio"), [(0, 1.0), (1, 10.0), (0.5, 10**0.5)])
def test_power_says_how_often_popular_items_are_negatives(power, ratio):
    """Items 0..9 are taken ten times as often as items 10..19; each user takes one item only."""
    item = np.concatenate([np.repeat(np.arange(10), 1000), np.repeat(np.arange(10, 20), 100)])
    samples = clicks(0, len(item), users=len(item), items=40, times=False)
    samples = replace(samples, user=np.arange(len(item)), item=item, domain=np.zeros(len(item), np.int64))
    found = with_negatives(samples, 0, per_positive=1, power=power)
    drawn = np.bincount(found.item[found.label == 0], minlength=20)
    assert drawn[:10].sum() / drawn[10:20].sum() == pytest.approx(ratio, rel=0.1)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_negatives_are_of_the_part_and_the_seed_decides(seed):
    samples = clicks(seed)
    part = samples.rows(samples.item % 3 > 0)
    first, second = with_negatives(part, seed), with_negatives(replace(part), seed)
    np.testing.assert_array_equal(first.item, second.item)
    assert set(first.item.tolist()) == set(part.item.tolist())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: with_negatives(s, 0, per_positive=0), "0 negatives"),
        (lambda s: with_negatives(s, 0, power=-1), "power -1"),
        (lambda s: with_negatives(s, 0, power=float("nan")), "power nan"),
        (lambda s: with_negatives(replace(s, label=s.label * (s.user > 3)), 0), "label 0 already"),
        (lambda s: with_negatives(s, 0, known=clicks(1)), "same users and items"),
        (lambda s: with_negatives(s.rows(np.arange(1)), 0), "No negative was found"),
    ],
)
def test_what_cannot_be_sampled_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(clicks(0))
