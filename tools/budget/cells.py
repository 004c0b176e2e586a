"""From features to state numbers: cells that tell users apart as far as the log has rows for it.

Text columns are told apart by value, numbers by value if there are few, else by quantiles. If all of that together
makes no more cells than the log can fill, it stays. If it makes more, columns are taken up one after the other, each as
finely as it helps to foretell held-out rewards by cell and amount; what does not help is dropped, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.encoding import require_columns
from bethink.tools.budget.levels import Levels, as_list, as_object, as_text, as_whole, levels_of, ways
from bethink.tools.findings import TableError, listed, quoted
from bethink.tools.tables import MOST_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 120
ROWS_PER_AMOUNT = 25
"""Rows of the rarest amount that a cell should have on average."""
MOST_ROWS = 50_000
"""Rows on which columns are chosen."""
CANDIDATES = 16
"""Columns that are looked at together, the best ones on their own."""
SHRINKAGE = 10.0
"""Rows that a cell's mean is pulled to that of its amount with, when held-out rewards are foretold."""
LEAST_GAIN = 1e-4
"""Share of the held-out variance that one more column or bin must explain, at least."""
CHUNKS = 50
MOST_STATES = 1_000_000
VERSION = 1
"""Of what :meth:`Cells.to_json` writes."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A numbering of combinations of levels that were seen; made by :meth:`fit`.

    Args:
        columns: how each of the k columns that count is told apart.
        factors: level of each state in each column, int64 [S, k], in lexicographic order.
        dropped: why each other column does not count.

    Raises:
        ValueError: a column twice; factors out of range, or that do not ascend; more states or columns than possible.
    """

    columns: tuple[Levels, ...]
    factors: Ints
    dropped: dict[str, str]

    def __post_init__(self) -> None:
        names = [levels.name for levels in self.columns]
        if len(names) > MOST_COLUMNS or len({*names, *self.dropped}) < len(names) + len(self.dropped):
            raise ValueError(f"At most {MOST_COLUMNS:,} columns can count, each once; given are {listed(names)}.")
        shape = self.factors.shape
        if len(shape) != 2 or shape[1] != len(names) or not 1 <= shape[0] <= (MOST_STATES if names else 1):
            raise ValueError(
                f"Factors of shape {shape} are none of 1 to {MOST_STATES:,} states in {len(names)} columns."
            )
        if not names:
            return
        if (self.factors < 0).any() or (self.factors >= [len(levels.names) for levels in self.columns]).any():
            raise ValueError("Factors must be numbers of levels.")
        steps = np.diff(self.factors, axis=0)
        first = np.take_along_axis(steps, (steps != 0).argmax(1)[:, None], axis=1)
        if (first <= 0).any():
            raise ValueError("States must be different combinations of levels in lexicographic order.")

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
            TableError: ``no_rows``; ``bad_targets`` for targets of another length or that are not finite.
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
            raise TableError(
                "bad_targets" if len(frame) else "no_rows",
                f"Cells need rows with a finite target and an action each; there are {len(frame):,} rows, "
                f"{len(wanted):,} targets and {len(actions):,} actions.",
                "Give as many of each.",
            )
        given = np.bincount(actions)
        limit = max(1, min(max_cells, int(given[given > 0].min()) // rows_per_amount))
        finest, dropped = [], {}
        for name in frame.columns:
            levels = levels_of(frame[name], str(name))
            if levels is None:
                dropped[str(name)] = "it has one value only"
            else:
                finest.append(levels)
        chosen = finest
        if _places(finest, frame, limit).max() >= limit:
            chosen, reasons = _Choice(frame, wanted, actions, limit).columns()
            dropped |= reasons
        return cls(tuple(chosen), _combinations(chosen, frame), dropped)

    def with_columns(self, frame: pd.DataFrame, columns: Sequence[Levels]) -> Cells:
        """The same with more columns told apart, such as the segments of a plan; O(n k log n).

        Args:
            frame: rows whose combinations of levels become the states, at least one.
            columns: what to tell apart too. A column that counts already takes the levels given here.

        Raises:
            TableError: ``no_rows``, ``no_column``, ``not_numbers``.
            ValueError: a column given twice, or more states than possible.

        Example:
            >>> import pandas as pd
            >>> frame = pd.DataFrame({"age": [20, 20, 40], "town": ["Bonn", "Ulm", "Ulm"]})
            >>> everyone = Cells((), np.zeros((1, 0), np.int64), {})
            >>> everyone.with_columns(frame, [levels_of(frame[name], name) for name in frame]).labels
            ('age=20, town=Bonn', 'age=20, town=Ulm', 'age=40, town=Ulm')
        """
        if not len(frame):
            raise TableError("no_rows", "States need rows; there are none.", "Give at least one row.")
        given = {levels.name: levels for levels in columns}
        if len(given) < len(columns):
            raise ValueError(f"A column is given twice among {listed(levels.name for levels in columns)}.")
        kept = [given.pop(levels.name, levels) for levels in self.columns]
        told = (*kept, *given.values())
        require_columns(frame, [levels.name for levels in told])
        dropped = {name: reason for name, reason in self.dropped.items() if name not in given}
        return Cells(told, _combinations(told, frame), dropped)

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
            TableError: ``no_column``, ``not_numbers``.
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
            rows = _rows(self.columns, frame.iloc[new])
            kinds, of = np.unique(rows, axis=0, return_inverse=True)
            found[new] = self._nearest(kinds)[of.ravel()]
        return found

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads, for ``json.dumps``."""
        return {
            "version": VERSION,
            "columns": [levels.to_json() for levels in self.columns],
            "factors": self.factors.tolist(),
            "dropped": dict(self.dropped),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Cells:
        """The cells that :meth:`to_json` wrote.

        Raises:
            ValueError: anything else, with a sentence on what is wrong.
        """
        stored = as_object(stored, ("version", "columns", "factors", "dropped"), "stored cells")
        if stored["version"] != VERSION:
            raise ValueError(
                f"Version {quoted(stored['version'])} of stored cells is unknown; {VERSION} is understood."
            )
        columns = tuple(Levels.from_json(each) for each in as_list(stored["columns"], MOST_COLUMNS, "columns"))
        factors: list[list[int]] = []
        for row in as_list(stored["factors"], MOST_STATES, "factors"):
            if len(as_list(row, len(columns), "a state's factors")) < len(columns):
                raise ValueError(f"State {len(factors)} has {len(row)} factors; there are {len(columns)} columns.")
            parts = zip(row, columns, strict=True)
            factors.append([as_whole(level, len(levels.names), "a factor") for level, levels in parts])
        if not isinstance(stored["dropped"], dict):
            raise ValueError("What was dropped must be an object.")
        dropped = {name: as_text(reason, "a reason") for name, reason in stored["dropped"].items()}
        return cls(columns, np.array(factors, np.int64).reshape(len(factors), len(columns)), dropped)

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


# -- which columns ----------------------------------------------------------------------------------------------------


def _places(columns: Sequence[Levels], frame: pd.DataFrame, limit: float = math.inf) -> Ints:
    """The place of every row's combination of levels among those that occur, in lexicographic order [n].

    Once there are more than ``limit``, further columns are not looked at.
    """
    found = np.zeros(len(frame), np.int64)
    for levels in columns:
        found = np.unique(found * len(levels.names) + levels.of(frame[levels.name]), return_inverse=True)[1]
        if found.max() >= limit:
            break
    return found


def _combinations(columns: Sequence[Levels], frame: pd.DataFrame) -> Ints:
    """The combinations of levels that occur, int64 [S, k], in lexicographic order."""
    rows = frame.iloc[np.unique(_places(columns, frame), return_index=True)[1]]
    return _rows(columns, rows)


def _rows(columns: Sequence[Levels], frame: pd.DataFrame) -> Ints:
    """The levels of every row, int64 [n, k]."""
    found = np.zeros((len(frame), len(columns)), np.int64)
    for place, levels in enumerate(columns):
        found[:, place] = levels.of(frame[levels.name])
    return found


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
        options = {
            name: found
            for name in names
            if (found := [(way, self._levels(way)) for way in ways(self.frame[name], name)])
        }
        tried = sum(map(len, options.values()))
        chance = 4 * np.sqrt(2 * np.log(max(tried, 2))) / len(self.frame)  # roughly the best of so many by chance
        least_gain = max(LEAST_GAIN, float(chance))
        nothing = np.zeros(len(self.frame), np.int64)
        start = self._score(nothing, 1)
        alone = {name: max(self._score(rows, len(way.names)) for way, rows in found) for name, found in options.items()}
        best = sorted(alone, key=lambda name: -alone[name])[:CANDIDATES]
        chosen: dict[str, tuple[Levels, Ints]] = {}
        score = start
        while True:
            step: tuple[float, str, tuple[Levels, Ints]] | None = None
            for name in best:
                rest = self._joint([part for other, part in chosen.items() if other != name])
                for way in options[name]:
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
            for name in options
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
