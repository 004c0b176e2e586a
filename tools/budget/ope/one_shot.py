"""Rules for one-shot campaigns (T = 1): doubly robust, cross-fitted, and compared with others on the same users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope.estimate import Evaluation
from bethink.tools.budget.ope.importance import Scores, dr
from bethink.tools.budget.response import Response

Rule = Callable[[NDArray], Floats]
"""From states of n users to probabilities of the amounts [n, K]; may compare the users, as in "the best 30 %"."""


@dataclass(frozen=True)
class OneShotScores:
    """What each user of a log says of a rule: doubly robust scores of reward and cost."""

    reward: Scores
    cost: Scores

    def rows(self, keep: NDArray) -> OneShotScores:
        """Those of a part of the users (a mask or numbers), such as a segment."""
        return OneShotScores(self.reward.rows(keep), self.cost.rows(keep))

    def evaluation(self, baseline: OneShotScores | None = None, *, level: float = 0.95) -> Evaluation:
        """Estimates with normal intervals; with a baseline's scores also the paired differences.

        Raises:
            ValueError: fewer than 2 users, a baseline of other users, or a level outside of (0, 1).
        """
        reward, cost = self.reward.estimate(level=level), self.cost.estimate(level=level)
        if baseline is None:
            return Evaluation(reward, cost)
        gain = self.reward.estimate(baseline.reward, level=level)
        return Evaluation(reward, cost, gain, self.cost.estimate(baseline.cost, level=level))


def one_shot_scores(log: Log, target: Floats, predicted: Response) -> OneShotScores:
    """Score a rule on a one-shot log; O(n K).

    Args:
        log: horizon 1, with propensities.
        target: the rule's probabilities of the amounts [n, K]; of a rule learned from the log: :func:`cross_target`.
        predicted: by :func:`bethink.tools.budget.response.cross_predict`.

    Raises:
        ValueError: a longer log, no propensities, or what :func:`bethink.tools.budget.ope.importance.dr` raises.

    Example:
        >>> from dataclasses import replace
        >>> import numpy as np
        >>> from bethink.tools.budget.environment import campaign
        >>> from bethink.tools.budget.response import cross_predict
        >>> whole = campaign(5000, seed=0)
        >>> log = replace(whole.rows(whole.steps == 0), horizon=1)
        >>> predicted = cross_predict(log)
        >>> nothing, most = (np.tile(np.eye(4)[action], (5000, 1)) for action in (0, 3))
        >>> found = one_shot_scores(log, most, predicted).evaluation(one_shot_scores(log, nothing, predicted))
        >>> found.reward_gain.significant
        True
    """
    if log.horizon != 1:
        raise ValueError(f"One-shot scores need a log of one step, not {log.horizon}; use FQE for more.")
    if log.propensities is None:
        raise ValueError("The doubly robust estimate needs the propensities of the logged amounts.")
    actions, propensities = log.actions, log.propensities
    return OneShotScores(
        dr(log.rewards, actions, propensities, target, predicted.rewards),
        dr(log.costs, actions, propensities, target, predicted.costs),
    )


def cross_target(log: Log, learn: Callable[[Log], Rule], *, folds: int = 2, seed: int = 0) -> Floats:
    """Probabilities [n, K] by rules that never saw the row's user; folds as ``cross_predict`` makes them.

    Raises:
        ValueError: fewer than 2 folds, or what ``learn`` raises.
    """
    if folds < 2:
        raise ValueError(f"folds is {folds}; at least 2 are needed.")
    found = np.full((len(log.actions), len(log.amounts)), np.nan)
    for fold in log.folds(folds, seed):
        found[fold] = learn(log.rows(~fold))(log.states[fold])
    return found
