"""Who gets which coupon under one budget: exact where the process is known, by offline constrained RL elsewhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.tools.budget.chord import Mixture, chord_search
    from bethink.tools.budget.cmdp import TabularCMDP
    from bethink.tools.budget.log import Log
    from bethink.tools.budget.lp import InfeasibleBudget, LPSolution, solve_lp
    from bethink.tools.budget.oracle import TabularOracle

_WHERE = {
    "InfeasibleBudget": "lp",
    "LPSolution": "lp",
    "Log": "log",
    "Mixture": "chord",
    "TabularCMDP": "cmdp",
    "TabularOracle": "oracle",
    "chord_search": "chord",
    "solve_lp": "lp",
}
__all__ = [
    "InfeasibleBudget",
    "LPSolution",
    "Log",
    "Mixture",
    "TabularCMDP",
    "TabularOracle",
    "chord_search",
    "solve_lp",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bethink.tools.budget.{_WHERE[name]}"), name)
