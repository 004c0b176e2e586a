"""The policy to be evaluated, in whatever form it comes, as components drawn once per user and tables of probabilities.

A mixture is no policy that draws anew in every step: a user draws a component once and keeps it. Its outcome is the
weighted sum of the components' outcomes, so every evaluation here works on components.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import Floats, Ints, Policy, StochasticPolicy

Component = tuple[Policy | StochasticPolicy, float]
Target = Policy | StochasticPolicy | Mixture | Sequence[Component]
"""A policy, a table of probabilities, a mixture (anything with ``components``), or pairs of policy and weight."""


def components(target: Target) -> list[Component]:
    """Policies with weights above zero that sum to one.

    Raises:
        ValueError: no component, weights below zero, not finite, or with another sum than one (within 1e-6).
        TypeError: something that is no policy.
    """
    found: Any = getattr(target, "components", target)
    pairs: list[Component] = list(found) if isinstance(found, list | tuple) else [(found, 1.0)]
    weights = [float(weight) for _, weight in pairs]
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or abs(math.fsum(weights) - 1) > 1e-6:
        raise ValueError(f"The weights of a mixture must be zero or more and sum to one; they are {weights}.")
    for policy, _ in pairs:
        if not hasattr(policy, "act") and not hasattr(policy, "probabilities"):
            raise TypeError(f"A policy has `act` or `probabilities`; a {type(policy).__name__} has neither.")
    total = math.fsum(weights)
    return [(policy, weight / total) for (policy, _), weight in zip(pairs, weights, strict=True) if weight > 0]


def probabilities(policy: Policy | StochasticPolicy, states: NDArray, step: int | Ints, actions: int) -> Floats:
    """How likely one policy (no mixture) gives each amount to each of n users; float64 [n, K].

    Args:
        policy: deterministic (``act``) or a table of probabilities.
        states: state numbers [n] or features [n, d], as the policy wants them.
        step: one for all, or one for each user [n].
        actions: K.

    Raises:
        ValueError: a state or step that the policy does not know, or an action beyond K - 1.
    """
    try:
        if isinstance(policy, StochasticPolicy):
            rows = np.asarray(policy.probabilities[step, states], np.float64)
        else:
            rows = np.asarray(policy.act(states, step))
    except IndexError as error:
        raise ValueError(f"The policy knows fewer states or steps than the log has: {error}.") from error
    if isinstance(policy, StochasticPolicy):
        if rows.shape != (len(states), actions) or (rows < 0).any() or not np.allclose(rows.sum(1), 1.0, atol=1e-6):
            raise ValueError(f"The policy's probabilities must sum to one over the log's {actions} amounts.")
        return rows
    if rows.shape != (len(states),) or (len(rows) and not 0 <= rows.min() <= rows.max() < actions):
        raise ValueError(f"The policy must answer one action in 0..{actions - 1} for each of {len(states)} users.")
    return np.eye(actions)[rows]
