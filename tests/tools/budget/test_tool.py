"""``allocate_budget``, ``budget_curve``, ``evaluate_policy``: what they answer, refuse and write, and that it is true."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bethink.tools import all_tools, call_tool, find_tool
from bethink.tools.budget import environment, rules, tool_campaign, tool_judge
from bethink.tools.budget.cells import Cells
from bethink.tools.budget.cmdp import TabularPolicy, outcome
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.tool import AllocateBudgetOutput
from bethink.tools.contract import ToolContext, ToolResult
from bethink.tools.langchain import model_text
from tests.tools.budget.requests import REQUESTS, Request, panel, shot, strange_numbers, wrong_with
from tests.tools.budget.requests import csv as as_csv


@pytest.fixture(scope="module", autouse=True)
def fewer_splits():
    """Less judging than a user gets."""
    patch = pytest.MonkeyPatch()
    patch.setattr(tool_judge, "SPLITS", 2)
    patch.setattr(tool_judge, "ONE_SHOT_SPLITS", 4)
    yield
    patch.undo()


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def call(uploads: Path, name: str = "allocate_budget", **arguments: Any) -> ToolResult:
    return call_tool(find_tool(all_tools(), name), arguments, ToolContext(uploads.parent / "out", uploads=uploads))


def ok(result: ToolResult) -> dict[str, Any]:
    assert result.output is not None, result.error
    return result.output


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_a_plan_or_the_right_refusal(uploads, request_: Request):
    arguments = request_.prepare(uploads)
    result = call(uploads, request_.tool, **arguments)
    assert wrong_with(request_, result.output, result.error) == ""
    text = model_text(result)
    assert len(text.encode()) < 8 * 1024
    assert "The full result is shown" not in text
    assert str(uploads.parent) not in text


def true_increment(output: dict[str, Any]) -> tuple[float, float]:
    """Value above no coupon and cost per user of the stored policy, exactly, in the process the sample comes from."""
    process = environment.tabular()
    paths = {Path(file["path"]).name.split("_")[1]: file["path"] for file in output["files"]}
    cells = Cells.from_json(json.loads(Path(paths["states"]).read_text(encoding="utf-8")))
    policy = MixedPolicy.load(paths["policy"])
    assert policy.policy_id == output["policy_id"]
    segment, engagement, fatigue = environment.parts(np.arange(environment.STATES))
    names = np.array([kind.name for kind in environment.SEGMENTS])[segment]
    states = cells.states(pd.DataFrame({"segment": names, "engagement": engagement, "fatigue": fatigue}))
    nothing = outcome(process, rules.always(process, 0)).reward
    value = cost = 0.0
    for part, weight in policy.components:
        assert isinstance(part, TabularPolicy)
        true = outcome(process, TabularPolicy(part.actions[:, states]))
        value, cost = value + weight * true.reward, cost + weight * true.cost
    return value - nothing, cost


def test_the_plan_is_as_good_as_it_is_said_to_be(uploads):
    output = ok(call(uploads, budget=30_000))
    users = output["totals"]["users"]
    value, cost = true_increment(output)
    process = environment.tabular()
    best = solve_lp(process, 6.0).value - outcome(process, rules.always(process, 0)).reward
    assert value > 0.93 * best
    assert cost == pytest.approx(6.0, abs=0.3)
    low, high = output["totals"]["ci"]
    assert low < users * value < high
    assert output["totals"]["expected_cost"] == pytest.approx(30_000)
    assert output["status"] == "ok"
    beaten = {each["name"]: each for each in output["baselines"]}
    assert set(beaten) == {"random users", "uniform", "myopic"}
    assert all(each["significant"] and each["gain_of_plan"] > 0 for each in beaten.values())
    assert sum(each["expected_cost"] for each in output["plan"]) == pytest.approx(30_000, abs=5)
    assert {each["segment"] for each in output["plan"]} == {kind.name for kind in environment.SEGMENTS}
    assert [point["increment"] for point in output["budget_curve"]] == sorted(
        point["increment"] for point in output["budget_curve"]
    )
    for plot in output["plots"]:
        assert Path(plot["path"]).read_bytes().startswith(b"\x89PNG")
        assert plot["alt"]


def rows_of(file: dict[str, str]) -> list[list[str]]:
    with Path(file["path"]).open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def test_who_gets_what_is_written_and_stays(uploads):
    first, again = (ok(call(uploads, budget=20_000)) for _ in range(2))
    assert first["policy_id"] == again["policy_id"]
    lines = [rows_of(each["files"][0]) for each in (first, again)]
    assert lines[0] == lines[1]
    assert lines[0][0] == ["user_id", "segment", "policy", "amount"]
    assert len(lines[0]) == 1 + tool_campaign.SAMPLE_USERS
    rules_file = rows_of(first["files"][1])
    assert len(rules_file) == 1 + 12 * first["read_as"]["states"]
    other = ok(call(uploads, budget=20_001))
    assert other["policy_id"] != first["policy_id"]


@pytest.mark.parametrize("horizon", [1, 12])
def test_hard_plans_are_within_the_budget_by_face_value(uploads, horizon):
    output = ok(call(uploads, budget=20_000, guarantee="hard", horizon=horizon))
    totals = output["totals"]
    assert totals["p_overspend"] == 0
    assert totals["expected_cost"] < 20_000
    if horizon == 1:  # all coupons are open at once: what they are worth must fit
        amounts = [float(amount) for amount in output["plan"][0]["share_by_amount"]]
        faces = sum(
            each["users"] * share * amount
            for each in output["plan"]
            for amount, share in zip(amounts, each["share_by_amount"].values(), strict=True)
        )
        assert faces <= 20_000 * 1.01
    else:
        assert totals["expected_cost"] > 0.85 * 20_000


def test_chance_plans_aim_lower(uploads):
    expected, chance = (ok(call(uploads, budget=20_000, guarantee=mode)) for mode in ("expected", "chance"))
    assert expected["totals"]["p_overspend"] == 0.5
    assert 0.045 < chance["totals"]["p_overspend"] <= 0.05
    assert chance["totals"]["planned_budget"] < 20_000
    assert chance["totals"]["unspent"] == pytest.approx(20_000 - chance["totals"]["expected_cost"], abs=1)


def test_caps_are_kept(uploads):
    panel().to_csv(uploads / "panel.csv", index=False)
    free = ok(call(uploads, upload="panel.csv", budget=6_000))
    caps = [{"segment": "Deal-Seeker", "max_share": 0.1}]
    capped = ok(call(uploads, upload="panel.csv", budget=6_000, segment_by=["segment"], constraints=caps))
    spent = [
        next(each["expected_cost"] for each in out["plan"] if each["segment"] == "deal-seeker")
        for out in (free, capped)
    ]
    assert spent[0] > 700
    assert spent[1] == pytest.approx(600, rel=0.01)
    result = call(uploads, upload="panel.csv", constraints=[{"segment": "nobody", "max_share": 0.1}])
    assert "'deal-seeker'" in result.error["hint"]
    result = call(uploads, upload="panel.csv", segment_by=["fatigue"], constraints=[{"segment": "1", "max_share": 0.1}])
    assert "changes over time" in result.error["message"]
    result = call(uploads, upload="panel.csv", constraints=caps, guarantee="hard")
    assert "hard" in result.error["message"]


def test_a_protected_column_decides_nothing_and_can_be_looked_at(uploads):
    panel().to_csv(uploads / "panel.csv", index=False)
    free = ok(call(uploads, upload="panel.csv", budget=3_000))
    output = ok(
        call(uploads, upload="panel.csv", budget=3_000, columns={"ignore": ["segment"]}, segment_by=["segment"])
    )
    assert "segment" in free["read_as"]["columns"]["told_apart_by"]
    assert "segment" not in output["read_as"]["columns"]["told_apart_by"]
    assert {each["segment"] for each in output["plan"]} == {each["segment"] for each in free["plan"]}
    caps = [{"segment": "loyal", "max_share": 0.1}]
    arguments = {"columns": {"ignore": ["segment"]}, "segment_by": ["segment"], "constraints": caps}
    assert "no cap" in call(uploads, upload="panel.csv", **arguments).error["message"]
    assert "to ignore" in call(uploads, upload="panel.csv", columns={"ignore": ["gender"]}).error["message"]


def test_more_users_cost_and_bring_more(uploads):
    shot().to_csv(uploads / "shot.csv", index=False)
    one = ok(call(uploads, upload="shot.csv", budget=900))
    ten = ok(call(uploads, upload="shot.csv", budget=9_000, n_users=30_000))
    assert ten["totals"]["increment"] == pytest.approx(10 * one["totals"]["increment"], rel=1e-3)
    assert ten["marginal_return"] == one["marginal_return"]
    assert sum(each["users"] for each in ten["plan"]) == pytest.approx(30_000, abs=2)


def test_a_rule_is_judged_as_it_truly_is(uploads):
    process = environment.tabular()
    for amount in (5, 0):
        output = ok(call(uploads, "evaluate_policy", otherwise=amount))
        true = outcome(process, rules.always(process, environment.AMOUNTS.tolist().index(amount)))
        users = output["users"]
        assert output["reward_ci"][0] < users * true.reward < output["reward_ci"][1]
        assert output["cost_ci"][0] <= users * true.cost <= output["cost_ci"][1]
        assert output["significant"] is (amount > 0)
        assert output["share_by_amount"][str(amount)] == 1
        assert not strange_numbers(output)
    habit = [{"where": {"segment": ["habit-former", "nobody"]}, "amount": 10}, {"where": {"segment": "x"}, "amount": 2}]
    output = ok(call(uploads, "evaluate_policy", rules=habit))
    assert output["share_by_amount"]["10"] == pytest.approx(0.25, abs=0.02)
    assert output["warnings"][-1]["code"] == "rule_fits_nobody"


def test_rules_on_numbers_in_one_shot(uploads):
    shot().to_csv(uploads / "shot.csv", index=False)
    young = {"where": {"age": list(range(18, 30))}, "amount": "5"}
    output = ok(call(uploads, "evaluate_policy", upload="shot.csv", rules=[young]))
    assert output["share_by_amount"]["5"] == pytest.approx(12 / 52, abs=0.03)
    assert output["increment"] == pytest.approx(3000 * 12 / 52 * 0.3, rel=0.35)
    assert "doubly robust" in output["evaluation"]["method"]


def test_the_curve_answers_the_inverse_question(uploads):
    output = ok(call(uploads, "budget_curve"))
    points = output["points"]
    assert len(points) == 9
    assert points[-1]["budget"] == pytest.approx(output["saturation"], abs=1)
    assert points[0]["marginal"] > points[-2]["marginal"] > points[-1]["marginal"] == 0
    there = ok(call(uploads, "budget_curve", budgets=[30_000]))["points"][0]
    target = 22_669 + there["increment"]  # no coupon brings 4.53376 for each of 5,000 users
    asked = ok(call(uploads, "budget_curve", target=target))
    assert asked["budget_for_target"] == pytest.approx(30_000, rel=0.25)
    assert not strange_numbers(asked)
    result = call(uploads, "budget_curve", target=1e9)
    assert "the most is" in result.error["message"]
    result = call(uploads, "budget_curve", budgets=[-5])
    assert result.ok is False


def test_users_without_a_coupon_must_have_a_reward(uploads):
    frame = shot()
    frame.loc[frame["amount"] == 0, "active"] = np.nan
    frame.to_csv(uploads / "shot.csv", index=False)
    result = call(uploads, upload="shot.csv")
    assert "without one" in result.error["message"]


def test_arms_that_cost_nothing_count_as_one_each(uploads):
    frame = shot().assign(amount=lambda f: f["amount"].map({0: "none", 2: "mail", 5: "call"})).drop(columns="cost")
    frame.to_csv(uploads / "arms.csv", index=False)
    output = ok(call(uploads, upload="arms.csv", budget=300))
    assert output["warnings"][0]["code"] == "no_cost"
    sent = sum(each["users"] * (1 - each["share_by_amount"]["none"]) for each in output["plan"])
    assert sent == pytest.approx(300, abs=5)
    stated = ok(call(uploads, upload="arms.csv", budget=300, arm_costs={"mail": 0.5, "call": 3}))
    assert stated["totals"]["expected_cost"] == pytest.approx(300)


def test_a_cancelled_run_stops(uploads):
    cancel = threading.Event()
    told: list[float] = []

    def progress(done: float, message: str) -> None:
        told.append(done)
        if done > 0.4:
            cancel.set()

    context = ToolContext(uploads.parent / "out", progress=progress, cancel=cancel, uploads=uploads)
    result = call_tool(find_tool(all_tools(), "allocate_budget"), {}, context)
    assert result.error["code"] == "cancelled"
    assert told == sorted(told)


def test_the_output_has_a_schema_without_surprises():
    schema = AllocateBudgetOutput.model_json_schema()
    assert {"summary", "plan", "totals", "budget_curve", "baselines", "guarantee", "policy_id"} <= set(
        schema["properties"]
    )


def test_fewer_steps_than_logged(uploads):
    as_csv(panel)(uploads / "panel.csv")
    output = ok(call(uploads, upload="panel.csv", horizon=3, budget=900))
    assert output["read_as"]["steps"] == 3
    result = call(uploads, upload="panel.csv", horizon=13)
    assert "12 steps" in result.error["message"]
