"""Off-policy evaluation: what a policy would have brought and cost, from the log of another."""

from bethink.tools.budget.ope.estimate import Estimate, Evaluation, median_of
from bethink.tools.budget.ope.fqe import FQE, cross_fit
from bethink.tools.budget.ope.importance import Scores, dr, ips, pdis, snips
from bethink.tools.budget.ope.one_shot import OneShotScores, Rule, cross_target, one_shot_scores
from bethink.tools.budget.ope.target import Target

__all__ = [
    "FQE",
    "Estimate",
    "Evaluation",
    "OneShotScores",
    "Rule",
    "Scores",
    "Target",
    "cross_fit",
    "cross_target",
    "dr",
    "ips",
    "median_of",
    "one_shot_scores",
    "pdis",
    "snips",
]
