"""From features to state numbers: cells that tell users apart as far as the log has rows for it.

Text columns are told apart by value, numbers by value if there are few, else by quantiles. If all of that together
makes no more cells than the log can fill, it stays. If it makes more, columns are taken up one after the other, each as
finely as it helps to foretell held-out rewards by cell and amount; what does not help is dropped, and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.encoding import numbers_in, places, require_columns, required_numbers
from bethink.tools.budget.findings import CampaignError
from bethink.tools.budget.quantities import coded

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 120
ROWS_PER_AMOUNT = 25
"""Rows of the rarest amount that a cell should have on average."""
MOST_LEVELS = 12
"""Distinct values up to which a column is told apart by value."""
BINS = (2, 3, 5, 8)
"""Numbers of quantile bins, or of values with the others pooled, that are tried."""
MOST_ROWS = 50_000
"""Rows on which columns are chosen."""
CANDIDATES = 16
"""Columns that are looked at together, the best ones on their own."""
SHRINKAGE = 10.0
"""Rows that a cell's mean is pulled to that of its amount with, when held-out rewards are foretold."""
LEAST_GAIN = 1e-4
"""Share of the held-out variance that one more column or bin must explain, at least."""
CHUNKS = 50
LABEL_LENGTH = 40


@dataclass(frozen=True, eq=False)
class Levels:
    """How one column is told apart.

    Args:
        name: of the column.
        names: what each level is called [L].
        edges: bounds between levels of numbers, ascending; None for text.
        number: level of each text; other texts are ``otherwise``.
        otherwise: level of texts that are not listed.
        missing: level of missing values.
    """

    name: str
    names: tuple[str, ...]
    edges: Floats | None
    number: dict[str, int]
    otherwise: int
    missing: int

    @property
    def ordered(self) -> bool:
        """Whether levels have an order: numbers, without a level for missing ones."""
        return self.edges is not None and self.missing <= len(self.edges)

    def of(self, column: pd.Series) -> Ints:
        """The level of every row [n].

        Raises:
            CampaignError: ``not_numbers`` for text where numbers were learned.
        """
        if self.edges is None:
            return places(column, self.number, self.otherwise, self.missing)
        values = required_numbers(column, self.name)
        return np.where(np.isnan(values), self.missing, np.searchsorted(self.edges, values, side="left"))


@dataclass(frozen=True, eq=False)
class Cells:
    """A numbering of combinations of levels that were seen; made by :meth:`fit`.

    Args:
        columns: how each of the k columns that count is told apart.
        factors: level of each state in each column, int64 [S, k], in lexicographic order.
        dropped: why each other column does not count.
    """

    columns: tuple[Levels, ...]
    factors: Ints
    dropped: dict[str, str]

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        targets: ArrayLike,
        actions: Ints,
        *,
        max_cells: int = MAX_CELLS,
        rows_per_amount: int = ROWS_PER_AMOUNT,
    ) -> Cells:
        """Choose columns and bins; O(n k), a second or two for 100,000 rows.

        Args:
            frame: numbers and categories; n rows, those of one user next to each other.
            targets: what cells should foretell: rewards [n], or several quantities [n, m]
                (:attr:`bethink.tools.budget.campaign.CampaignDataset.targets`).
            actions: [n].
            max_cells: most cells.
            rows_per_amount: rows of the rarest amount that a cell should have on average.

        Raises:
            CampaignError: ``no_rows``; ``bad_targets`` for targets of another length or that are not finite.
            ValueError: limits below 1.

        Example:
            >>> import pandas as pd
            >>> rng = np.random.default_rng(0)
            >>> frame = pd.DataFrame({"age": rng.normal(size=4000), "town": rng.choice(["a", "b"], 4000)})
            >>> actions, active = rng.integers(2, size=4000), rng.random(4000) < 0.2 + 0.6 * (frame["age"] > 0)
            >>> cells = Cells.fit(frame, active.astype(float), actions, max_cells=4)
            >>> [levels.name for levels in cells.columns], cells.count, cells.dropped
            (['age'], 2, {'town': 'it does not help to foretell the reward'})
        """
        if min(max_cells, rows_per_amount) < 1:
            raise ValueError(f"max_cells and rows_per_amount must be at least 1, not {max_cells}, {rows_per_amount}.")
        wanted = np.asarray(targets, np.float64)
        wanted = wanted[:, None] if wanted.ndim == 1 else wanted
        if not len(frame) or len(wanted) != len(frame) or len(actions) != len(frame) or not np.isfinite(wanted).all():
            raise CampaignError(
                "bad_targets" if len(frame) else "no_rows",
                f"Cells need rows with a finite target and an action each; there are {len(frame):,} rows, "
                f"{len(wanted):,} targets and {len(actions):,} actions.",
                "Give as many of each.",
            )
        given = np.bincount(actions)
        limit = max(1, min(max_cells, int(given[given > 0].min()) // rows_per_amount))
        finest, dropped = [], {}
        for name in frame.columns:
            levels = next(_ways(frame[name], str(name)), None)
            if levels is None:
                dropped[str(name)] = "it has one value only"
            else:
                finest.append(levels)
        chosen = finest
        if _count(finest, frame, limit) > limit:
            chosen, reasons = _Choice(frame, wanted, actions, limit).columns()
            dropped |= reasons
        rows = (
            np.stack([levels.of(frame[levels.name]) for levels in chosen], 1) if chosen else np.zeros((len(frame), 0))
        )
        factors = np.unique(rows.astype(np.int64), axis=0) if chosen else np.zeros((1, 0), np.int64)
        return cls(tuple(chosen), factors, dropped)

    @property
    def count(self) -> int:
        """S."""
        return len(self.factors)

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Which of the k factors have an order [k]."""
        return tuple(levels.ordered for levels in self.columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each state is called [S]."""
        if not self.columns:
            return ("everyone",)
        return tuple(
            ", ".join(levels.names[level] for levels, level in zip(self.columns, row, strict=True))
            for row in self.factors.tolist()
        )

    def states(self, frame: pd.DataFrame) -> Ints:
        """State numbers of a frame's rows, int64 [n]; O(n k log S).

        A combination that was not seen gets the state that is nearest: with the fewest columns that differ, numbers
        counting by how far apart they are.

        Raises:
            CampaignError: ``no_column``, ``not_numbers``.
        """
        require_columns(frame, [levels.name for levels in self.columns])
        found = np.zeros(len(frame), np.int64)
        keys = np.zeros(self.count, np.int64)
        for index, levels in enumerate(self.columns):
            width = len(levels.names)
            row = levels.of(frame[levels.name])
            stored = np.unique(keys * width + self.factors[:, index], return_inverse=True)
            wanted = np.where(found < 0, -1, found * width + row)
            place = np.minimum(np.searchsorted(stored[0], wanted), len(stored[0]) - 1)
            found = np.where(stored[0][place] == wanted, place, -1)
            keys = stored[1]
        new = np.flatnonzero(found < 0)
        if len(new):
            rows = np.stack([levels.of(frame[levels.name].iloc[new]) for levels in self.columns], axis=1)
            kinds, of = np.unique(rows, axis=0, return_inverse=True)
            found[new] = self._nearest(kinds)[of.ravel()]
        return found

    def _nearest(self, rows: Ints) -> Ints:
        best, least = np.zeros(len(rows), np.int64), np.full(len(rows), np.inf)
        widths = np.array([len(levels.names) for levels in self.columns])
        ordered = np.array(self.ordered)
        for state, factors in enumerate(self.factors):
            apart = np.abs(rows - factors)
            distance = np.where(ordered, apart / np.maximum(widths - 1, 1), apart > 0).sum(1)
            nearer = distance < least - 1e-12
            best[nearer], least[nearer] = state, distance[nearer]
        return best


# -- levels of a column -----------------------------------------------------------------------------------------------


def _ways(column: pd.Series, name: str) -> Iterator[Levels]:
    """How a column can be told apart, the finest first; nothing for a column of one value."""
    numbers = numbers_in(column)
    if numbers is None:
        yield from _ways_of_text(column, name)
        return
    known = np.sort(numbers[~np.isnan(numbers)])
    missing = len(known) < len(numbers)
    distinct = np.unique(known)
    if len(distinct) + missing < 2:
        return
    if len(distinct) <= MOST_LEVELS:
        yield _numeric(name, (distinct[1:] + distinct[:-1]) / 2, distinct, missing)
    for bins in reversed(BINS):
        if bins < len(distinct):
            inner = np.quantile(known, np.arange(1, bins) / bins, method="lower")
            edges = np.unique(inner[inner < distinct[-1]])
            if len(edges):
                yield _numeric(name, edges, None, missing)


def _numeric(name: str, edges: Floats, distinct: Floats | None, missing: bool) -> Levels:
    title = _plain(name)
    if distinct is not None:
        names = [f"{title}={value:.6g}" for value in distinct]
    else:
        ends = [f"{edge:.3g}" for edge in edges]
        names = [f"{title} up to {ends[0]}"]
        names += [f"{title} {low} to {high}" for low, high in pairwise(ends)]
        names += [f"{title} above {ends[-1]}"]
    where = len(names) if missing else len(names) // 2
    names += [f"{title} missing"] if missing else []
    return Levels(name, tuple(names), edges, {}, 0, where)


def _ways_of_text(column: pd.Series, name: str) -> Iterator[Levels]:
    codes, levels = coded(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    frequent = [code for code in np.argsort(-counts, kind="stable") if counts[code]]
    missing = bool((codes < 0).any())
    if len(frequent) + missing < 2:
        return
    for most in (MOST_LEVELS, *reversed(BINS)):
        whole = len(frequent) <= most
        if whole and most != MOST_LEVELS:
            continue
        kept = sorted(str(levels[code]) for code in (frequent if whole else frequent[: most - 1]))
        title = _plain(name)
        names = [f"{title}={_plain(text)}" for text in kept]
        names += [] if whole else [f"{title}=other"]
        names += [f"{title} missing"] if missing else []
        usual = kept.index(str(levels[frequent[0]])) if frequent else 0
        otherwise = usual if whole else len(kept)
        number = {text: index for index, text in enumerate(kept)}
        yield Levels(name, tuple(names), None, number, otherwise, len(names) - 1 if missing else otherwise)


def _plain(text: str) -> str:
    """A name or value for labels: printable, on one line, cut."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return clean if len(clean) <= LABEL_LENGTH else clean[:LABEL_LENGTH] + "..."


# -- which columns ----------------------------------------------------------------------------------------------------


def _count(columns: Sequence[Levels], frame: pd.DataFrame, limit: int) -> int:
    """How many combinations of levels occur; may stop counting above ``limit``."""
    found = np.zeros(len(frame), np.int64)
    size = 1
    for levels in columns:
        found = np.unique(found * len(levels.names) + levels.of(frame[levels.name]), return_inverse=True)[1]
        size = int(found.max()) + 1
        if size > limit:
            break
    return size


class _Choice:
    """A greedy choice of columns and bins on two halves of the rows, each foretold by the other."""

    def __init__(self, frame: pd.DataFrame, targets: Floats, actions: Ints, limit: int) -> None:
        chunk = np.arange(len(frame)) * CHUNKS // len(frame)  # users are together: few are in both halves
        rows = np.arange(len(frame))
        if len(rows) > MOST_ROWS:
            rows = rows[:: -(-len(rows) // MOST_ROWS)]
        self.frame, self.limit = frame.iloc[rows], limit
        self.half, self.actions = chunk[rows] % 2, actions[rows]
        self.k = int(actions.max()) + 1
        spread = targets[rows] - targets[rows].mean(0)
        deviation = spread.std(0)
        self.targets = (spread / np.where(deviation > 0, deviation, 1.0))[:, deviation > 0]

    def columns(self) -> tuple[list[Levels], dict[str, str]]:
        """What to use, in the frame's order, and why not the rest."""
        names = [str(name) for name in self.frame.columns]
        ways = {
            name: found
            for name in names
            if (found := [(way, self._levels(way)) for way in _ways(self.frame[name], name)])
        }
        tried = sum(map(len, ways.values()))
        chance = 4 * np.sqrt(2 * np.log(max(tried, 2))) / len(self.frame)  # roughly the best of so many by chance
        least_gain = max(LEAST_GAIN, float(chance))
        nothing = np.zeros(len(self.frame), np.int64)
        start = self._score(nothing, 1)
        alone = {name: max(self._score(rows, len(way.names)) for way, rows in found) for name, found in ways.items()}
        best = sorted(alone, key=lambda name: -alone[name])[:CANDIDATES]
        chosen: dict[str, tuple[Levels, Ints]] = {}
        score = start
        while True:
            step: tuple[float, str, tuple[Levels, Ints]] | None = None
            for name in best:
                rest = self._joint([part for other, part in chosen.items() if other != name])
                for way in ways[name]:
                    if name in chosen and way is chosen[name]:
                        continue
                    cell, size = self._joint_with(rest, way)
                    if size > self.limit:
                        continue
                    gain = self._score(cell, size) - score
                    if step is None or gain > step[0]:
                        step = (gain, name, way)
            if step is None or step[0] < least_gain:
                break
            chosen[step[1]] = step[2]
            score += step[0]
        reasons = {
            name: "it does not help to foretell the reward"
            if alone[name] - start < least_gain
            else "it adds too little to the others"
            for name in ways
            if name not in chosen
        }
        return [chosen[name][0] for name in names if name in chosen], reasons

    def _levels(self, way: Levels) -> Ints:
        return way.of(self.frame[way.name])

    def _joint(self, parts: Sequence[tuple[Levels, Ints]]) -> tuple[Ints, int]:
        cell, size = np.zeros(len(self.frame), np.int64), 1
        for part in parts:
            cell, size = self._joint_with((cell, size), part)
        return cell, size

    def _joint_with(self, cells: tuple[Ints, int], part: tuple[Levels, Ints]) -> tuple[Ints, int]:
        width = len(part[0].names)
        keys = cells[0] * width + part[1]
        seen = np.bincount(keys, minlength=cells[1] * width) > 0
        return (np.cumsum(seen) - 1)[keys], int(seen.sum())

    def _score(self, cell: Ints, size: int) -> float:
        """Share of the held-out variance that means by cell and amount explain, summed over targets."""
        keys = (self.half * size + cell) * self.k + self.actions
        rows = np.bincount(keys, minlength=2 * size * self.k).reshape(2, size, self.k)
        explained = 0.0
        for target in self.targets.T:
            sums = np.bincount(keys, target, minlength=2 * size * self.k).reshape(2, size, self.k)
            usual = sums.sum(1) / np.maximum(rows.sum(1), 1)
            means = (sums + SHRINKAGE * usual[:, None]) / (rows + SHRINKAGE)
            other = means[::-1]
            explained += float((2 * other * sums - rows * other**2).sum()) / len(cell)
        return explained
