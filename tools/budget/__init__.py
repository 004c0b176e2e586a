"""Who gets which coupon under one budget: exact where the process is known, by offline constrained RL elsewhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.tools.budget.campaign import CampaignDataset
    from bethink.tools.budget.cells import Cells
    from bethink.tools.budget.chord import Mixture, chord_search
    from bethink.tools.budget.cmdp import TabularCMDP
    from bethink.tools.budget.curve import BudgetCurve
    from bethink.tools.budget.fqi import LambdaFQI
    from bethink.tools.budget.guarantee import BudgetGuard, chance_plan
    from bethink.tools.budget.knapsack import KnapsackDual
    from bethink.tools.budget.log import Log
    from bethink.tools.budget.lp import InfeasibleBudget, LPSolution, solve_lp
    from bethink.tools.budget.mixed_policy import MixedPolicy
    from bethink.tools.budget.model import ModelOracle
    from bethink.tools.budget.ope.fqe import FQE, cross_fit
    from bethink.tools.budget.optimizer import MixedPolicyOptimizer
    from bethink.tools.budget.oracle import TabularOracle
    from bethink.tools.budget.replanning import Replanner, hard_mixture
    from bethink.tools.budget.report import validate
    from bethink.tools.budget.scoring import score

_WHERE = {
    "BudgetCurve": "curve",
    "BudgetGuard": "guarantee",
    "CampaignDataset": "campaign",
    "Cells": "cells",
    "FQE": "ope.fqe",
    "InfeasibleBudget": "lp",
    "KnapsackDual": "knapsack",
    "LPSolution": "lp",
    "LambdaFQI": "fqi",
    "Log": "log",
    "MixedPolicy": "mixed_policy",
    "MixedPolicyOptimizer": "optimizer",
    "Mixture": "chord",
    "ModelOracle": "model",
    "Replanner": "replanning",
    "TabularCMDP": "cmdp",
    "TabularOracle": "oracle",
    "chance_plan": "guarantee",
    "chord_search": "chord",
    "cross_fit": "ope.fqe",
    "hard_mixture": "replanning",
    "score": "scoring",
    "solve_lp": "lp",
    "validate": "report",
}
__all__ = [
    "FQE",
    "BudgetCurve",
    "BudgetGuard",
    "CampaignDataset",
    "Cells",
    "InfeasibleBudget",
    "KnapsackDual",
    "LPSolution",
    "LambdaFQI",
    "Log",
    "MixedPolicy",
    "MixedPolicyOptimizer",
    "Mixture",
    "ModelOracle",
    "Replanner",
    "TabularCMDP",
    "TabularOracle",
    "chance_plan",
    "chord_search",
    "cross_fit",
    "hard_mixture",
    "score",
    "solve_lp",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bethink.tools.budget.{_WHERE[name]}"), name)
