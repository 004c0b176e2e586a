"""Best-response oracles: whatever can answer a price of money with a policy, and say what a policy brings and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bethink.tools.budget.cmdp import Outcome, Policy, TabularCMDP, TabularPolicy, best_response, outcome


class Oracle(Protocol):
    """What the optimisers of a mixed policy need: nothing else is known to them of data, networks or models."""

    def solve(self, multiplier: float) -> Policy:
        """The policy with the greatest J_r - lambda J_c, lambda >= 0; infinite lambda: the cheapest policy."""
        ...

    def evaluate(self, policy: Policy) -> Outcome:
        """Expected reward and cost per user of a policy that ``solve`` gave."""
        ...


@dataclass(frozen=True)
class TabularOracle:
    """Exact best responses in a known process."""

    cmdp: TabularCMDP

    def solve(self, multiplier: float) -> TabularPolicy:
        """Backward induction, :func:`bethink.tools.budget.cmdp.best_response`."""
        return best_response(self.cmdp, multiplier)

    def evaluate(self, policy: Policy) -> Outcome:
        """The exact outcome.

        Raises:
            TypeError: a policy that is no table.
        """
        if not isinstance(policy, TabularPolicy):
            raise TypeError(f"A table of actions is needed, not a {type(policy).__name__}.")
        return outcome(self.cmdp, policy)
