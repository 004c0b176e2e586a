"""What one user does with one amount in a one-shot campaign (T = 1): expected reward and cost per user and amount.

Two learners behind one function: gradient-boosted trees per amount on features (a T-learner, Kunzel et al. 2019), and a
table of segments whose cells lean on each other as far as the log says that segments are alike (random effects, fitted
by restricted maximum likelihood). Money is modelled as a share of the face value, so that a rare cell leans on how
often coupons are redeemed, never on nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.log import Log

Predictor = Callable[[NDArray], Floats]
"""From states of n users to expected outcomes [n, K]."""
Learner = Callable[[NDArray, Ints, Floats, int], Predictor]
"""Fits a predictor to states, actions [n], outcomes [n] and K."""


@dataclass(frozen=True)
class StatedCost:
    """A cost model in place of logged costs: what share of the face value is spent.

    Args:
        rate: share of the coupons that are redeemed, in [0, 1]; one for all amounts or one for each [K].
        of_response: True: redeemed by those who respond (cost = amount x rate x expected reward, which must be a
            probability); False: by all who get one (cost = amount x rate), such as what sending costs.

    Raises:
        ValueError: a rate outside of [0, 1].
    """

    rate: float | Floats = 1.0
    of_response: bool = True

    def __post_init__(self) -> None:
        rate = np.asarray(self.rate, np.float64)
        if not ((rate >= 0) & (rate <= 1)).all():
            raise ValueError(f"The rate of redemption must be within [0, 1]; it is {self.rate}.")


@dataclass(frozen=True)
class Response:
    """Expected reward and money spent of every amount for every user, [n, K] each."""

    rewards: Floats
    costs: Floats

    @property
    def gains(self) -> Floats:
        """What an amount brings more than no coupon [n, K]; zeros in the first column."""
        return self.rewards - self.rewards[:, :1]


@dataclass(frozen=True)
class ResponseModel:
    """Made by :func:`fit_response`."""

    amounts: Floats
    reward: Predictor
    cost: Predictor | StatedCost

    def predict(self, states: NDArray) -> Response:
        """Expected reward and cost of users in ``states`` (segment numbers [n] or features [n, d], as fitted).

        Raises:
            ValueError: a stated cost per response, and rewards that are no probabilities.
        """
        rewards = self.reward(states)
        if not isinstance(self.cost, StatedCost):
            return Response(rewards, self.cost(states))
        spent = np.broadcast_to(self.amounts * np.asarray(self.cost.rate), rewards.shape)
        if not self.cost.of_response:
            return Response(rewards, spent.copy())
        if rewards.size and not (rewards.min() >= 0 and rewards.max() <= 1):
            raise ValueError(
                "A cost per response needs rewards that are 0 or 1 (responded or not); state a cost per coupon "
                "(of_response=False), or give a cost column."
            )
        return Response(rewards, spent * rewards)


def fit_response(log: Log, *, learner: Learner | None = None, cost: StatedCost | None = None) -> ResponseModel:
    """Learn reward and cost per user and amount from a one-shot log.

    Args:
        log: horizon 1; states are segment numbers [n] or features [n, d].
        learner: :func:`fit_segments` or :func:`fit_boosting`; None: the one that fits to the states.
        cost: None: learned from the log's costs; else as stated.

    Raises:
        ValueError: a longer horizon, an amount that was never given, or states of the other kind.

    Example:
        >>> from dataclasses import replace
        >>> from bethink.tools.budget.environment import campaign
        >>> whole = campaign(5000, seed=0)
        >>> log = replace(whole.rows(whole.steps == 0), horizon=1)
        >>> fit_response(log).predict(log.states).gains.shape
        (5000, 4)
    """
    if log.horizon != 1:
        raise ValueError(f"A one-shot response needs a log of one step, not {log.horizon}; use FQE for more.")
    count = len(log.amounts)
    missing = sorted(set(range(count)) - set(np.unique(log.actions).tolist()))
    if missing:
        never = ", ".join(f"{log.amounts[action]:g}" for action in missing)
        raise ValueError(f"The log never gave the amount {never}: leave it out, nothing can be learned about it.")
    if learner is None:
        learner = fit_segments if np.ndim(log.states) == 1 else fit_boosting
    reward = learner(log.states, log.actions, log.rewards, count)
    if cost is not None:
        return ResponseModel(log.amounts, reward, cost)
    face = np.where(log.amounts > 0, log.amounts, 1.0)
    share = learner(log.states, log.actions, log.costs / face[log.actions], count)
    return ResponseModel(log.amounts, reward, lambda states: share(states) * face)


def cross_predict(
    log: Log, *, fit: Callable[[Log], ResponseModel] = fit_response, folds: int = 2, seed: int = 0
) -> Response:
    """Predictions for the log's own rows [n, K] by models that never saw the row's user: what DR needs.

    Raises:
        ValueError: fewer than 2 folds, or what ``fit`` raises.
    """
    if folds < 2:
        raise ValueError(f"folds is {folds}; at least 2 are needed.")
    found = Response(*np.full((2, len(log.actions), len(log.amounts)), np.nan))
    for fold in log.folds(folds, seed):
        part = fit(log.rows(~fold)).predict(log.states[fold])
        found.rewards[fold], found.costs[fold] = part.rewards, part.costs
    return found


def fit_boosting(states: NDArray, actions: Ints, outcomes: Floats, count: int) -> Predictor:
    """One histogram gradient boosting of 80 trees of depth 3 per amount, on features [n, d].

    Where an amount had two outcomes only (active or not, redeemed or not) it is a classifier of the greater one; where
    it had one, that. Predictions stay within the outcomes that the amount had. O(80 n d).

    Raises:
        ValueError: states that are no features [n, d].
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if np.ndim(states) != 2:
        raise ValueError(f"Features must have the shape [n, d], not {np.shape(states)}; use fit_segments for numbers.")
    settings = {"max_depth": 3, "max_iter": 80, "early_stopping": False, "random_state": 0}
    models: list[Callable[[NDArray], Floats]] = []

    def of_arm(features: NDArray, values: Floats) -> Callable[[NDArray], Floats]:
        levels = np.unique(values)
        low, high = float(levels[0]), float(levels[-1])
        if len(levels) == 1:
            return lambda rows: np.full(len(rows), low)
        if len(levels) == 2:
            classifier = HistGradientBoostingClassifier(**settings).fit(features, values == high)
            return lambda rows: low + (high - low) * classifier.predict_proba(rows)[:, 1]
        regressor = HistGradientBoostingRegressor(**settings).fit(features, values)
        return lambda rows: np.clip(regressor.predict(rows), low, high)

    for action in range(count):
        chosen = actions == action
        models.append(of_arm(states[chosen], outcomes[chosen]))
    return lambda rows: np.stack([model(rows) for model in models], axis=1) if len(rows) else np.zeros((0, count))


def fit_segments(states: NDArray, actions: Ints, outcomes: Floats, count: int) -> Predictor:
    """A table of segments and amounts [S, K] with shrinkage, on segment numbers [n].

    The mean of cell (s, a) is alpha_a + b_s + d_sa + noise, with b_s ~ N(0, tau_b^2), d_sa ~ N(0, tau_d^2), and noise
    of the amount's variance within cells over the cell's rows. The two variances are found by restricted maximum
    likelihood (Patterson, Thompson 1971), the table is the best linear prediction. A cell without rows, and a segment
    that was never seen, get what the rest says. Predictions stay within the outcomes that the amount had.
    O(n + S K x 100).

    Raises:
        ValueError: states that are no segment numbers [n].
    """
    if np.ndim(states) != 1:
        raise ValueError(
            f"Segments must be numbers [n], not of shape {np.shape(states)}; use fit_boosting on features."
        )
    labels, of = np.unique(states, return_inverse=True)
    cell = of * count + actions
    size = len(labels) * count
    rows = np.bincount(cell, minlength=size)
    means = np.bincount(cell, outcomes, minlength=size) / np.maximum(rows, 1)
    within = np.bincount(actions, (outcomes - means[cell]) ** 2, minlength=count)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, actions, outcomes)
    np.maximum.at(high, actions, outcomes)
    counts, table = rows.reshape(-1, count), means.reshape(-1, count)
    varies = high > low
    prediction, elsewhere = np.tile(low, (len(labels), 1)), low.copy()
    if varies.any():
        freedom = np.maximum(np.bincount(actions, minlength=count) - (counts > 0).sum(0), 1)
        floor = 1e-9 * float(outcomes.var())
        noise = np.maximum(within / freedom, floor)[varies]
        found, centre = _leaning(table[:, varies], counts[:, varies], noise)
        prediction[:, varies], elsewhere[varies] = found, centre
    prediction = np.clip(np.vstack([prediction, elsewhere]), low, high)

    def predict(wanted: NDArray) -> Floats:
        place = np.minimum(np.searchsorted(labels, wanted), len(labels) - 1)
        return prediction[np.where(labels[place] == wanted, place, len(labels))]

    return predict


def _leaning(means: Floats, counts: Ints, noise: Floats) -> tuple[Floats, Floats]:
    """Best linear predictions of the cells [S, K] from their means, rows and the amounts' variances [K]; and alpha."""
    from scipy.optimize import minimize

    with np.errstate(divide="ignore"):
        variance = noise / counts  # infinite where a cell has no rows
    scale = float(noise.mean())

    def parts(logs: Floats) -> tuple[float, Floats, Floats, Floats]:
        """-2 x the restricted log likelihood, alpha, and the predictions of b [S] and d [S, K]."""
        common, own = scale * np.exp(np.clip(logs, -30, 10))
        d = 1 / (variance + own)  # V_s^-1 = diag(d) - d d' / (1 / common + sum d)
        total = 1 / common + d.sum(1)
        information = np.diag(d.sum(0)) - (d / total[:, None]).T @ d
        score = (d * means).sum(0) - d.T @ ((d * means).sum(1) / total)
        alpha = np.linalg.solve(information, score)
        errors = np.where(counts > 0, means - alpha, 0.0)
        weighted = d * errors
        solved = weighted - d * (weighted.sum(1) / total)[:, None]
        logdet = np.log(total * common).sum() - np.log(d[counts > 0]).sum()
        deviance = logdet + np.linalg.slogdet(information)[1] + float((errors * solved).sum())
        return deviance, alpha, common * solved.sum(1), own * solved

    options = {"xatol": 5e-3, "fatol": 1e-5, "maxiter": 200}
    start = np.log([0.1, 0.1])
    found = minimize(lambda logs: parts(logs)[0], start, method="Nelder-Mead", options=options)
    _, alpha, b, d = parts(found.x)
    return alpha + b[:, None] + d, alpha
