from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.models.training.examples import Encoded
from bethink.models.training.mixing import schedule, shares

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10_000), min_size=1)


@given(SIZES, st.floats(1, 50))
def test_shares_are_a_distribution_between_by_size_and_equal(sizes, temperature):
    found = shares(sizes, temperature)
    assert sum(found.values()) == pytest.approx(1)
    by_size = {task: size / sum(sizes.values()) for task, size in sizes.items()}
    largest = max(sizes, key=lambda task: sizes[task])
    assert 1 / len(sizes) - 1e-9 <= found[largest] <= by_size[largest] + 1e-9


def test_temperature_two_is_the_square_root():
    assert shares({"a": 400, "b": 100}, 2.0) == pytest.approx({"a": 2 / 3, "b": 1 / 3})


@pytest.mark.parametrize(("sizes", "temperature"), [({}, 2), ({"a": 0}, 2), ({"a": 1}, 0.5), ({"a": 1}, float("nan"))])
def test_what_cannot_be_mixed_is_refused(sizes, temperature):
    with pytest.raises(ValueError):
        shares(sizes, temperature)


def _tasks(**sizes: int) -> dict[str, list[Encoded]]:
    return {task: [Encoded(task, tuple(range(1 + i % 9)), 1) for i in range(n)] for task, n in sizes.items()}


@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 5))
def test_a_schedule_has_all_its_batches_and_is_the_same_again(steps, size, seed):
    tasks = _tasks(a=7, b=3)
    found = schedule(tasks, steps, size, 2.0, seed)
    assert [len(batch) for batch in found] == [size] * steps
    assert found == schedule(tasks, steps, size, 2.0, seed)


def test_no_example_is_seen_again_before_all_of_its_task_were_seen():
    tasks = {"a": [Encoded("a", (i,), 1) for i in range(10)]}
    seen = Counter(example.ids for batch in schedule(tasks, 5, 4) for example in batch)
    assert set(seen.values()) == {2}


def test_the_mix_follows_the_shares():
    counts = Counter(e.task for batch in schedule(_tasks(a=400, b=100), 300, 10) for e in batch)
    assert counts["a"] / 3000 == pytest.approx(2 / 3, abs=0.04)
