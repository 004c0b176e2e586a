"""One door to every way of finding a mixed policy within one budget or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from bethink.tools.budget.chord import Mixture, Solve, chord_search
from bethink.tools.budget.column_generation import column_generation
from bethink.tools.budget.minimum_norm_point import minimum_norm_point
from bethink.tools.budget.multiplier import bisection, ogd_average, pid
from bethink.tools.budget.oracle import Oracle
from bethink.tools.budget.vector_oracle import OneBudget, VectorOracle

Method = Literal["chord", "bisect", "ogd_average", "pid", "columns", "mnp"]
_ONE_BUDGET: dict[str, Callable[..., Mixture]] = {
    "chord": chord_search,
    "bisect": bisection,
    "ogd_average": ogd_average,
    "pid": pid,
}
_SEVERAL_BUDGETS: dict[str, Callable[..., Mixture]] = {"columns": column_generation, "mnp": minimum_norm_point}
_WITHOUT_TOLERANCE = ("ogd_average", "pid")


@dataclass(frozen=True)
class MixedPolicyOptimizer:
    """The best mixed policy within a budget that a method finds.

    =========== ======= ======== ===============================================================================
    method      budgets policies what it does
    =========== ======= ======== ===============================================================================
    chord       1       2        chord search: exact, with a certificate
    bisect      1       2        bisection on the price of money, with a certificate
    ogd_average 1       all      online gradient descent on the price; the average of its policies
    pid         1       1        PID controller of the price; its last policy
    columns     any     q + 1    column generation: exact, with a certificate
    mnp         any     q + 1    minimum-norm point; up to a tolerance outside of the budgets
    =========== ======= ======== ===============================================================================

    Args:
        oracle: answers prices with policies; a :class:`~bethink.tools.budget.vector_oracle.VectorOracle` for several
            budgets.
        budget: money per user; or a list of budgets, in the order of the oracle's costs.
        method: see the table; None: "chord" for one budget, "columns" for several.
        tol: how much better another policy may be, in units of reward (of the target's scale for "mnp"); None: the
            method's default.
        max_solves: best responses to ask for.

    Example:
        >>> from bethink.tools.budget.environment import tabular
        >>> from bethink.tools.budget.oracle import TabularOracle
        >>> mixture = MixedPolicyOptimizer(TabularOracle(tabular()), 6.0, tol=1e-9).fit()
        >>> round(mixture.outcome.reward, 5), len(mixture.components), len(mixture.trace)
        (5.60956, 2, 12)
    """

    oracle: Oracle | VectorOracle
    budget: float | Sequence[float]
    method: Method | None = None
    tol: float | None = None
    max_solves: int = 40
    progress: Callable[[Solve], None] = lambda solve: None

    def fit(self) -> Mixture:
        """Run the method; a :class:`~bethink.tools.budget.vector_oracle.VectorMixture` for "columns" and "mnp".

        Raises:
            InfeasibleBudget: no policy is cheap enough.
            ValueError: an unknown method, one that does not take several budgets or a tolerance, a bad budget.
        """
        several = np.ndim(self.budget) > 0
        method = self.method or ("columns" if several else "chord")
        if method not in {**_ONE_BUDGET, **_SEVERAL_BUDGETS}:
            raise ValueError(f"{method!r} is no method; there are {', '.join([*_ONE_BUDGET, *_SEVERAL_BUDGETS])}.")
        options: dict[str, Any] = {"max_solves": self.max_solves, "progress": self.progress}
        if self.tol is not None:
            if method in _WITHOUT_TOLERANCE:
                raise ValueError(f"{method!r} has no tolerance: it uses all of max_solves.")
            options["tolerance"] = self.tol
        if method in _ONE_BUDGET:
            if several:
                raise ValueError(f"{method!r} takes one budget, a number; use 'columns' or 'mnp' for several.")
            return _ONE_BUDGET[method](self.oracle, self.budget, **options)
        if several:
            return _SEVERAL_BUDGETS[method](self.oracle, self.budget, **options)
        return _SEVERAL_BUDGETS[method](OneBudget(cast(Oracle, self.oracle)), [self.budget], **options)
