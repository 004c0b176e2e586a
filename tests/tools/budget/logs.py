"""Campaign logs as files have them, for several tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bethink.tools.budget.environment import SEGMENTS, campaign, parts
from bethink.tools.budget.log import Log


def coupon_retention(users: int, seed: int = 0) -> tuple[Log, pd.DataFrame]:
    """A log of ``CouponRetention-v0``, and the table that a marketer would have of it, rows shuffled."""
    log = campaign(users, seed)
    segment, engagement, fatigue = parts(log.states)
    frame = pd.DataFrame(
        {
            "user_id": log.users,
            "week": log.steps + 1,
            "segment": np.array([kind.name for kind in SEGMENTS])[segment],
            "engagement": engagement,
            "fatigue": fatigue,
            "amount": log.amounts[log.actions].astype(int),
            "active": log.rewards.astype(int),
            "spend": log.costs,
        }
    )
    return log, frame.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def one_shot(users: int, seed: int = 0, **columns: object) -> pd.DataFrame:
    """Users who get 0, 2 or 5 at random, answer more to more, and have an age and a town; ``columns`` replace some."""
    rng = np.random.default_rng(seed)
    amount, age = rng.choice([0, 2, 5], users), rng.integers(18, 70, users)
    active = (rng.random(users) < 0.1 + 0.06 * amount + 0.004 * (age - 18)).astype(int)
    frame = pd.DataFrame({"amount": amount, "active": active, "age": age, "town": rng.choice(["Bonn", "Ulm"], users)})
    frame["cost"] = amount * active * (rng.random(users) < 0.9)
    return frame.assign(**columns)
