"""Totals of an allocation that are the same to the last bit however the users are partitioned.

Sums of floats depend on the order of addition; sums of whole numbers do not. So every user's expected cost and reward
is rounded to millionths before it is added up (cents would be too coarse: all users of a state have the same expected
cost, and would be rounded the same way), and face values are whole minor units (cents).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bethink.tools.budget.cmdp import Ints

MICRO = 1_000_000
"""Millionths in one unit of money or reward."""
MOST = 1e8
"""The largest expected cost or reward of one user."""
MOST_ROWS = 65_536
"""Users whose millionths are summed in 64 bits; beyond that Python's whole numbers take over."""
MOST_SEGMENTS = 10_000
NO_SEGMENT = "all"


def micro_units(values: ArrayLike, name: str) -> Ints:
    """Expected money or reward in whole millionths, int64.

    Raises:
        ValueError: values that are not finite or beyond 1e8; ``name`` says which.
    """
    found = np.asarray(values, np.float64)
    if not (np.abs(found) <= MOST).all():
        raise ValueError(f"The {name} of every user must be finite and at most {MOST:g}.")
    return np.rint(found * MICRO).astype(np.int64)


class Sums(NamedTuple):
    """One segment's sums, by action [K]."""

    users: tuple[int, ...]
    cost_micro: tuple[int, ...]
    reward_micro: tuple[int, ...]

    def __add__(self, other: Sums) -> Sums:  # type: ignore[override]
        """Entry by entry, not one after the other as tuples do."""
        return Sums(*(tuple(a + b for a, b in zip(*pair, strict=True)) for pair in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Totals:
    """Users, planned cost and planned reward by segment and action: a monoid under ``+``.

    Args:
        amounts: face value of each action in whole minor units [K].
        segments: sums of each segment that has users; ``"all"`` is the only one where there are no segments.

    Example:
        >>> one = Totals.of((0, 200), np.array([0, 1, 1]), np.array([0, 9, 9]), np.array([3, 5, 5]))
        >>> (one + one).users, (one + one).face_value
        (6, 800)
    """

    amounts: tuple[int, ...]
    segments: Mapping[str, Sums]

    @classmethod
    def of(
        cls,
        amounts: Sequence[int],
        actions: Ints,
        cost_micro: Ints,
        reward_micro: Ints,
        codes: NDArray | None = None,
        names: Sequence[str] = (NO_SEGMENT,),
    ) -> Totals:
        """The totals of n users, at most 65,536 at a time.

        Args:
            amounts: face values in minor units [K].
            actions: 0..K-1 [n].
            cost_micro: expected cost in millionths [n], of :func:`micro_units`.
            reward_micro: expected reward in millionths [n].
            codes: which of ``names`` each user's segment is [n]; None: all are in the first.
            names: of segments.

        Raises:
            ValueError: more users at a time.
        """
        if len(actions) > MOST_ROWS:
            raise ValueError(f"{len(actions):,} users at a time; {MOST_ROWS:,} is the most. Add up several totals.")
        kinds, shape = len(amounts), (len(names), len(amounts))
        cells = actions if codes is None else codes * kinds + actions
        users = np.bincount(cells, minlength=len(names) * kinds).reshape(shape)
        sums = np.zeros((2, len(names) * kinds), np.int64)
        for into, values in zip(sums, (cost_micro, reward_micro), strict=True):
            np.add.at(into, cells, values)
        costs, rewards = sums.reshape(2, *shape).tolist()
        found = {
            name: Sums(tuple(users[row].tolist()), tuple(costs[row]), tuple(rewards[row]))
            for row, name in enumerate(names)
            if users[row].any()
        }
        return cls(tuple(amounts), found)

    def __add__(self, other: Totals) -> Totals:
        """Both totals' users.

        Raises:
            ValueError: different amounts, or more than 10,000 segments.
        """
        if self.amounts != other.amounts:
            raise ValueError(f"Totals over the amounts {self.amounts} and {other.amounts} do not add up.")
        merged = dict(self.segments)
        for name, sums in other.segments.items():
            merged[name] = merged[name] + sums if name in merged else sums
        if len(merged) > MOST_SEGMENTS:
            raise ValueError(f"There are more than {MOST_SEGMENTS:,} segments; name a column with fewer values.")
        return Totals(self.amounts, merged)

    @property
    def users(self) -> int:
        """How many there are."""
        return sum(self.users_by_amount)

    @property
    def users_by_amount(self) -> tuple[int, ...]:
        """How many get each amount [K]."""
        return tuple(sum(sums.users[action] for sums in self.segments.values()) for action in range(len(self.amounts)))

    @property
    def cost_micro(self) -> int:
        """Planned cost, expected money spent, in millionths of a unit of money."""
        return sum(sum(sums.cost_micro) for sums in self.segments.values())

    @property
    def reward_micro(self) -> int:
        """Planned reward in millionths."""
        return sum(sum(sums.reward_micro) for sums in self.segments.values())

    @property
    def face_value(self) -> int:
        """What all coupons together would cost if every one were redeemed, in minor units."""
        return sum(users * amount for users, amount in zip(self.users_by_amount, self.amounts, strict=True))

    def planned_cost(self, scale: int = 100) -> int:
        """Planned cost in whole minor units, ``scale`` to a unit of money, rounded up: a budget must hold it."""
        return -(-self.cost_micro * scale // MICRO)

    def to_json(self) -> str:
        """Text that :meth:`from_json` reads, the same for equal totals."""
        segments = {name: [list(part) for part in self.segments[name]] for name in sorted(self.segments)}
        return json.dumps({"amounts": list(self.amounts), "segments": segments})

    @classmethod
    def from_json(cls, text: str) -> Totals:
        """The totals that :meth:`to_json` wrote.

        Raises:
            ValueError: anything else.
        """
        try:
            read: Any = json.loads(text)
            segments = {
                name: Sums(*(tuple(map(int, part)) for part in sums)) for name, sums in read["segments"].items()
            }
            return cls(tuple(map(int, read["amounts"])), segments)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"No totals can be read from {text[:80]!r}.") from error
