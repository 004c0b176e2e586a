"""Splits on synthetic sets with searches: who is where, that nothing of a test is told in training, and 100K."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.movielens import read_movielens
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Samples
from bethink.tools.recommendation.scenarios import by_age, by_genre, search_samples
from bethink.tools.recommendation.splits import by_time, known_items, leave_items_out, new_scenario

DATA = os.environ.get("BETHINK_RECO_DATA")
needs_data = pytest.mark.skipif(
    not list(Path(DATA or os.devnull).glob("ml-100k.inter*")),
    reason="BETHINK_RECO_DATA does not name a folder with MovieLens 100K",
)
NAMES = ("user", "item", "domain", "label", "query", "time")


def entities(count: int) -> Entities:
    none = np.zeros((count, 0))
    texts = [f"word{index % 5} name{index}" for index in range(count)]
    return Entities(np.arange(count), texts, none.astype(np.int64), (), (), none.astype(np.float32), ())


def synthetic(seed: int, n: int = 400, users: int = 15, items: int = 25, domains: int = 3) -> Samples:
    """Half of the samples are searches of a few queries at a few times: rows of one search are found together."""
    generator = np.random.default_rng(seed)
    return Samples(
        user=generator.integers(0, users, n),
        item=generator.integers(0, items, n),
        domain=generator.integers(0, domains, n),
        label=(generator.random(n) < 0.4).astype(np.float32),
        query=generator.integers(-2, 3, n).clip(NO_QUERY),
        users=entities(users),
        items=entities(items),
        queries=("a", "b", "c"),
        domains=tuple("xyz"[:domains]),
        time=generator.integers(0, 10, n).astype(float),
    )


def rows(samples: Samples, *names: str) -> list[tuple]:
    return list(zip(*(getattr(samples, name).tolist() for name in names or NAMES), strict=True))


def split_or_skip(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except ValueError as error:
        assume("none would be in" not in str(error) and "too few to learn" not in str(error))
        raise


cases = st.tuples(st.integers(0, 10_000), st.integers(40, 400), st.integers(0, 10_000), st.floats(0.1, 0.5))


@given(cases)
@settings(deadline=None, max_examples=80)
def test_cold_items_are_nowhere_in_training(case):
    seed, n, draw, share = case
    samples = synthetic(seed, n)
    split = split_or_skip(leave_items_out, samples, share, draw)
    cold = set(split.cold.item.tolist())
    told = {
        row[:-1]
        for row in rows(samples, "user", "domain", "query", "time", "item", "label")
        if row[-1] and row[4] in cold
    }
    told = {row[:4] for row in told if row[2] != NO_QUERY}
    for part in (split.train, split.valid, split.warm):
        assert not cold & set(part.item.tolist())
        assert not told & set(rows(part, "user", "domain", "query", "time"))
    out = [row for row in rows(samples) if row[1] not in cold and (row[0], row[2], row[4], row[5]) in told]
    assert split.left_out == len(out)
    everywhere = [row for part in (split.train, split.valid, split.warm, split.cold) for row in rows(part)]
    assert sorted([*everywhere, *out]) == sorted(rows(samples))


@given(cases)
@settings(deadline=None, max_examples=80)
def test_warm_users_and_items_are_known_and_pairs_stay_together(case):
    seed, n, draw, share = case
    split = split_or_skip(leave_items_out, synthetic(seed, n), share, draw)
    for part in (split.valid, split.warm):
        assert set(part.item.tolist()) <= set(split.train.item.tolist())
        assert set(part.user.tolist()) <= set(split.train.user.tolist())
    pairs = [set(rows(part, "user", "item")) for part in (split.train, split.valid, split.warm)]
    assert sum(map(len, pairs)) == len(set().union(*pairs))


def test_each_domain_gives_its_share_of_cold_items():
    """Domains of 100, 400 and 1,000 items, each item in one."""
    generator = np.random.default_rng(0)
    item = np.repeat(np.arange(1500), 6)
    domain = np.searchsorted([100, 500], item, side="right")
    samples = synthetic(0, len(item), users=50, items=1500)
    samples = replace(samples, item=item, domain=domain, query=np.full(len(item), NO_QUERY))
    for seed in range(5):
        split = leave_items_out(samples, 0.2, seed)
        cold = np.unique(split.cold.item)
        assert np.bincount(np.searchsorted([100, 500], cold, side="right")).tolist() == [20, 80, 200]
        rest = len(samples) - len(split.cold)
        assert len(split.valid) / rest == pytest.approx(0.1, abs=0.02)
        assert len(split.warm) / rest == pytest.approx(0.1, abs=0.02)
    shuffled = generator.permutation(1500)  # which items are cold does not hang on their numbers
    assert len(np.intersect1d(np.unique(leave_items_out(samples, 0.2, 9).cold.item), shuffled[:750])) > 90


def test_the_seed_decides():
    samples = synthetic(1)
    first, same, other = (leave_items_out(samples, 0.3, seed) for seed in (0, 0, 1))
    assert rows(first.train) == rows(same.train)
    assert set(first.cold.item.tolist()) != set(other.cold.item.tolist())


def test_searches_built_of_a_part_know_no_cold_item():
    samples = replace(synthetic(2), query=np.full(400, NO_QUERY), queries=())
    split = leave_items_out(samples, 0.3, 0)
    found = search_samples(split.train, 0, share=1)
    cold = set(split.cold.item.tolist())
    assert not cold & set(found.item.tolist())
    words = {f"name{item}" for item in cold}
    assert not words & {word for query in found.queries for word in query.split()}


@given(cases)
@settings(deadline=None, max_examples=60)
def test_time_never_runs_backwards(case):
    seed, n, _, share = case
    samples = synthetic(seed, n)
    periods = split_or_skip(by_time, samples, valid=share / 2, test=share)
    assert periods.train.time.max() < periods.valid.time.min()
    assert periods.valid.time.max() < periods.test.time.min()
    assert sorted(rows(periods.train) + rows(periods.valid) + rows(periods.test)) == sorted(rows(samples))
    known = known_items(periods.train, periods.test)
    assert known.tolist() == [item in set(periods.train.item.tolist()) for item in periods.test.item]


def test_a_split_by_distinct_times_has_the_shares_asked_for():
    samples = replace(synthetic(0, 1000), time=np.random.default_rng(0).permutation(1000).astype(float))
    periods = by_time(samples, valid=0.1, test=0.2)
    assert (len(periods.train), len(periods.valid), len(periods.test)) == (700, 100, 200)


@given(cases, st.sampled_from(["x", "y", "z", 1]))
@settings(deadline=None, max_examples=80)
def test_a_new_scenario_is_told_by_no_other_domain(case, domain):
    seed, n, draw, share = case
    samples = synthetic(seed, n)
    new = split_or_skip(new_scenario, samples, domain, share, draw)
    number = domain if isinstance(domain, int) else "xyz".index(domain)
    assert (new.pretrain.domain != number).all()
    for part in (new.train, new.valid, new.test):
        assert (part.domain == number).all()
    asked = set(rows(new.test, "user", "item"))
    for part in (new.pretrain, new.train, new.valid):
        assert not asked & set(rows(part, "user", "item"))
    assert len(new.pretrain) + new.left_out == int((samples.domain != number).sum())
    pool = int((samples.domain == number).sum()) - len(new.test)
    assert len(new.train) + len(new.valid) == round(pool * share)
    assert len(new.valid) == int(np.floor(round(pool * share) * 0.2))


@given(st.integers(0, 1_000))
@settings(deadline=None, max_examples=30)
def test_a_larger_share_holds_the_smaller_one(seed):
    samples = replace(synthetic(seed, 3_000), time=np.arange(3_000.0))
    small, middle, large = (new_scenario(samples, "y", share, 7) for share in (0.01, 0.05, 0.2))
    assert rows(small.test) == rows(middle.test) == rows(large.test)
    for less, more in ((small, middle), (middle, large)):
        assert set(rows(less.train)) < set(rows(more.train))
        assert set(rows(less.valid)) < set(rows(more.valid))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: leave_items_out(s, 0, 0), "share of 0"),
        (lambda s: leave_items_out(s, 1, 0), "share of 1"),
        (lambda s: leave_items_out(s, float("nan"), 0), "share of nan"),
        (lambda s: leave_items_out(s, 0.2, 0, valid=0.5, test=0.5), "leave nothing"),
        (lambda s: leave_items_out(s, 0.2, 0, valid=0), "leave nothing"),
        (lambda s: leave_items_out(s.rows(np.arange(3)), 0.2, 0), "none would be in"),
        (lambda s: by_time(replace(s, time=None)), "needs a time"),
        (lambda s: by_time(replace(s, time=np.full(400, np.nan))), "needs a time"),
        (lambda s: by_time(replace(s, time=np.zeros(400))), "none would be in 'valid'"),
        (lambda s: new_scenario(s, "q", 0.1, 0), "no domain 'q'; there are 'x', 'y', 'z'"),
        (lambda s: new_scenario(s, 7, 0.1, 0), "Domain 7 has no sample"),
        (lambda s: new_scenario(s.rows(s.domain == 1), "y", 0.1, 0), "all the samples"),
        (lambda s: new_scenario(s, "x", 0.001, 0), "too few to learn from"),
        (lambda s: new_scenario(s, "x", 1.5, 0), "share of 1.5"),
    ],
)
def test_what_cannot_be_split_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(synthetic(0))


@needs_data
def test_splits_of_the_true_100k():
    samples = by_genre(read_movielens(DATA or ""))
    split = leave_items_out(samples, 0.2, 0)
    assert len(np.unique(split.cold.item)) == pytest.approx(336, abs=4)
    assert 0.12 < len(split.cold) / len(samples) < 0.28
    for number in range(len(samples.domains)):
        for part in (split.train, split.valid, split.warm, split.cold):
            assert set(part.label[part.domain == number].tolist()) == {0, 1}
    ages = by_age(read_movielens(DATA or ""))
    new = new_scenario(ages, "under 18", 0.01, 0)
    assert (len(new.train), len(new.valid)) == (16, 4)
    assert len(new.test) == pytest.approx(2491 * 0.2, abs=60)
