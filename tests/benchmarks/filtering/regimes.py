"""The regimes in which filters are compared: Lorenz-96, one setting of a robust filter against tuned ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bethink.tools.filtering.models import lorenz96
from bethink.tools.filtering.operators import operator_named
from bethink.tools.filtering.twin import TwinExperiment


@dataclass(frozen=True)
class Regime:
    """A twin experiment and the number of members it is tracked with; ``tuned``: the robust mode was chosen on it."""

    name: str
    experiment: TwinExperiment
    members: int = 20
    tuned: bool = False


PLAIN = TwinExperiment(
    system=lorenz96(100, dt=0.01),
    operator=operator_named("arctan"),
    sd=0.05,
    cycles=150,
    steps_between=10,
    burn_in=100,
    start="origin",
    free=False,
)
SHOCK = replace(PLAIN, shock_every=30)
ADDITIVE = replace(PLAIN, shock_every=20, shock_scale=0.0, shock_sd=2.0, burn_in=50)
FAR = replace(PLAIN, start_sd=8.0)

REGIMES = (
    Regime("plain", PLAIN, tuned=True),
    Regime("shock 0.5|x|, every 30 cycles", SHOCK, tuned=True),
    Regime("shock sd 2, every 20 cycles", ADDITIVE, tuned=True),
    Regime("shock sd 2, 100 members", ADDITIVE, members=100),
    Regime("arctan(3x), shock sd 2", replace(ADDITIVE, operator=operator_named("arctan", gain=3))),
    Regime("seen every 20 steps", replace(PLAIN, steps_between=20), tuned=True),
    Regime("first members sd 8", FAR, tuned=True),
    Regime("first members sd 8, 100 members", FAR, members=100),
    Regime("every 2nd component seen", replace(PLAIN, operator=operator_named("arctan", stride=2))),
    Regime("cubic", replace(PLAIN, operator=operator_named("cubic"))),
    Regime("abs", replace(PLAIN, operator=operator_named("abs"))),
)
