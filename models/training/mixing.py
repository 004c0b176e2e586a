"""Which example is seen when: tasks mixed by a temperature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bethink.models.training.examples import Encoded


def shares(sizes: Mapping[str, int], temperature: float) -> dict[str, float]:
    """How often each task is drawn: p_k ~ n_k^(1/T). T = 1 is by size, a great T gives all tasks the same.

    Raises:
        ValueError: no task, an empty one, or a temperature below 1.
    """
    if not sizes or min(sizes.values()) < 1:
        raise ValueError("Every task needs at least one example.")
    if not temperature >= 1:
        raise ValueError(f"The temperature must be at least 1, not {temperature!r}.")
    weights = {task: size ** (1 / temperature) for task, size in sizes.items()}
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


def schedule(
    tasks: Mapping[str, Sequence[Encoded]], steps: int, batch_size: int, temperature: float = 2.0, seed: int = 0
) -> list[list[Encoded]]:
    """The batches of a training, all of them, so that a resumed training goes on with the same ones.

    Tasks are drawn by :func:`shares`; a task's examples are each seen once before any is seen again.

    Cost: steps * batch_size references.
    """
    rng = np.random.default_rng(seed)
    names = sorted(tasks)
    p = shares({name: len(tasks[name]) for name in names}, temperature)
    drawn = rng.choice(len(names), size=steps * batch_size, p=[p[name] for name in names])
    turns = {name: _in_turn(tasks[name], rng) for name in names}
    order = [next(turns[names[task]]) for task in drawn]
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def _in_turn(examples: Sequence[Encoded], rng: np.random.Generator) -> Iterator[Encoded]:
    while True:
        yield from (examples[i] for i in rng.permutation(len(examples)))
