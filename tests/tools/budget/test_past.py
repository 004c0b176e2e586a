"""Whether states tell enough: never an alarm where they do, one where what tires users is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bethink.tools.budget.environment import campaign, parts
from bethink.tools.budget.past import dependence_on_past


def test_full_states_give_no_alarm_and_its_statistic_is_standard() -> None:
    found = [dependence_on_past(campaign(1500, seed)).z for seed in range(40)]
    assert abs(np.mean(found)) < 0.6
    assert 0.6 < np.std(found) < 1.5
    assert max(found) < 4


@pytest.mark.parametrize("users", [2_000, 20_000])
def test_an_alarm_where_fatigue_is_not_known(users: int) -> None:
    log = campaign(users, seed=0)
    segment, engagement, _ = parts(np.stack([log.states, log.next_states]))
    here, following = segment * 5 + engagement
    blind = dependence_on_past(replace(log, states=here, next_states=following))
    assert blind.matters
    assert blind.share > 0.005
    assert not dependence_on_past(log).matters
    assert blind.rows <= 11 * users


def test_order_does_not_matter_and_one_step_has_no_past() -> None:
    log = campaign(300, seed=1)
    mixed = log.rows(np.random.default_rng(0).permutation(len(log.states)))
    assert dependence_on_past(mixed).z == pytest.approx(dependence_on_past(log).z)
    with pytest.raises(ValueError, match="one step"):
        dependence_on_past(replace(log.rows(log.steps == 0), horizon=1))


def test_too_few_rows_say_nothing() -> None:
    assert dependence_on_past(campaign(2, seed=0)).rows == 0
